using System.Buffers.Binary;
using System.Globalization;
using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.State;

/// <summary>Writes what a <see cref="RunJournal"/> has gathered as one transaction.</summary>
internal static class JournalWriter
{
    public static void Write(SqliteDb db, long run, List<Note> notes, Dictionary<long, List<UInt128>> marks, (ResourceName Resource, Guid Id)? witness, DateTimeOffset now)
    {
        db.Execute("begin immediate");
        try
        {
            // Parts first, for their marks; what ends a part last.
            foreach (var note in notes.Where(n => n.Kind is NoteKind.Planned or NoteKind.PartAdded))
            {
                WriteOne(db, run, note, now);
            }

            WriteMarks(db, marks);
            foreach (var note in notes.Where(n => n.Kind is not (NoteKind.Planned or NoteKind.PartAdded)))
            {
                WriteOne(db, run, note, now);
            }

            if (witness is { } one)
            {
                using var put = db.Prepare("insert into witness(run_id, path, target_id) values (?, ?, ?) on conflict do update set path = excluded.path, target_id = excluded.target_id");
                put.Bind(1, run).BindText(2, one.Resource.Path).Bind(3, one.Id).Run();
            }

            db.Execute("commit");
        }
        catch
        {
            db.Rollback();
            throw;
        }
    }

    private static void WriteMarks(SqliteDb db, Dictionary<long, List<UInt128>> marks)
    {
        if (marks.Count == 0)
        {
            return;
        }

        using var insert = db.Prepare("insert into mark(part_id, marks) values (?, ?)");
        using var count = db.Prepare(
            """
            update resource set settled = settled + ?2
            from part where part.part_id = ?1 and resource.run_id = part.run_id and resource.pass = part.pass and resource.path = part.path
            """);
        foreach (var (part, list) in marks)
        {
            var bytes = new byte[list.Count * 16];
            for (var i = 0; i < list.Count; i++)
            {
                BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(i * 16), list[i]);
            }

            insert.Bind(1, part).BindBlob(2, bytes).Run();
            count.Bind(1, part).Bind(2, (long)list.Count).Run();
        }
    }

    private static void WriteOne(SqliteDb db, long run, Note note, DateTimeOffset now)
    {
        switch (note.Kind)
        {
            case NoteKind.Planned:
                using (var put = db.Prepare(
                    "insert into resource(run_id, pass, path, is_done, total, settled) values (?, ?, ?, 0, ?, 0) on conflict do update set is_done = 0, total = excluded.total, settled = 0"))
                {
                    put.Bind(1, run).Bind(2, (long)note.Pass).BindText(3, note.Resource.Path).Bind(4, note.Total).Run();
                }

                break;
            case NoteKind.PartAdded:
                using (var add = db.Prepare("insert into part(part_id, run_id, pass, path, position) values (?, ?, ?, ?, ?)"))
                {
                    add.Bind(1, note.Part!.Id).Bind(2, run).Bind(3, (long)note.Pass).BindText(4, note.Resource.Path).BindText(5, note.Part.Position).Run();
                }

                break;
            case NoteKind.PartFollowed:
                db.Execute(string.Create(CultureInfo.InvariantCulture, $"update part set is_followed = 1 where part_id = {note.Part!.Id}"));
                break;
            case NoteKind.PartDone:
                db.Execute(string.Create(CultureInfo.InvariantCulture, $"delete from mark where part_id = {note.Part!.Id}; delete from part where part_id = {note.Part.Id};"));
                break;
            case NoteKind.ResourceDone:
                using (var done = db.Prepare("update resource set is_done = 1 where run_id = ? and pass = ? and path = ?"))
                {
                    done.Bind(1, run).Bind(2, (long)note.Pass).BindText(3, note.Resource.Path).Run();
                }

                break;
            case NoteKind.SetAside:
                Remove(db, run, note);
                using (var put = db.Prepare(
                    "insert into set_aside(run_id, pass, path, source_id, status, problem_type, message, correlation_id, body, set_aside_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"))
                {
                    put.Bind(1, run).Bind(2, (long)note.Pass).BindText(3, note.Resource.Path).Bind(4, note.Document.Id)
                        .Bind(5, (long)note.Failure!.Status).BindText(6, note.Failure.ProblemType).BindText(7, note.Failure.Message)
                        .BindText(8, note.Failure.CorrelationId).BindBlob(9, note.Document.Body.Span)
                        .BindText(10, now.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)).Run();
                }

                break;
            case NoteKind.Resolved:
                Remove(db, run, note);
                break;
        }
    }

    private static void Remove(SqliteDb db, long run, Note note)
    {
        using var remove = db.Prepare("delete from set_aside where run_id = ? and pass = ? and path = ? and source_id = ?");
        remove.Bind(1, run).Bind(2, (long)note.Pass).BindText(3, note.Resource.Path).Bind(4, note.Document.Id).Run();
    }
}
