namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The statements behind <see cref="IRegistryStore"/>.</summary>
internal static class Registry
{
    public static long Revision(Reader reader)
    {
        var get = reader.Prepared("SELECT revision FROM registry_state");
        try
        {
            get.Step();
            return get.Long(0);
        }
        finally
        {
            get.Reset();
        }
    }

    /// <summary>One statement, so that revision and items are of one moment.</summary>
    public static RegistryContents Read(Reader reader)
    {
        var items = new List<RegistryItem>();
        var (revision, lastId) = (0L, 0L);
        var all = reader.Prepared("SELECT s.revision, s.last_id, r.kind, r.id, r.body FROM registry_state s LEFT JOIN registry r ORDER BY r.kind, r.id");
        try
        {
            while (all.Step())
            {
                (revision, lastId) = (all.Long(0), all.Long(1));
                if (!all.IsNull(2))
                {
                    items.Add(new RegistryItem(all.Text(2), all.Long(3), all.Text(4)));
                }
            }
        }
        finally
        {
            all.Reset();
        }

        return new RegistryContents(revision, lastId, items);
    }

    public static bool Change(WriteSession session, long revision, IReadOnlyList<RegistryChange> changes)
    {
        var lastId = changes.OfType<RegistryChange.Put>().Select(p => p.Item.Id).DefaultIfEmpty().Max();
        using var next = session.Db.Prepare("UPDATE registry_state SET revision = revision + 1, last_id = max(last_id, ?2) WHERE revision = ?1");
        next.Bind(1, revision).Bind(2, lastId).Run();
        if (session.Db.Changes == 0)
        {
            return false;
        }

        foreach (var change in changes)
        {
            Apply(session, change);
        }

        return true;
    }

    /// <summary>A change of the registry writes whole clients that it has read before; raised, the revision makes it read them anew, so that it can't
    /// bring back a secret that was reset meanwhile.</summary>
    public static bool RaiseRevision(WriteSession session)
    {
        using var raise = session.Db.Prepare("UPDATE registry_state SET revision = revision + 1");
        raise.Run();
        return true;
    }

    private static void Apply(WriteSession session, RegistryChange change)
    {
        switch (change)
        {
            case RegistryChange.Put put:
                using (var statement = session.Db.Prepare("INSERT OR REPLACE INTO registry (kind, id, body) VALUES (?1, ?2, ?3)"))
                {
                    statement.BindText(1, put.Item.Kind).Bind(2, put.Item.Id).BindText(3, put.Item.Body).Run();
                }

                break;
            case RegistryChange.Remove remove:
                using (var statement = session.Db.Prepare("DELETE FROM registry WHERE kind = ?1 AND id = ?2"))
                {
                    statement.BindText(1, remove.Kind).Bind(2, remove.Id).Run();
                }

                break;
            case RegistryChange.PutClient put:
                Credentials.Put(session, put.Client);
                break;
            case RegistryChange.RemoveClient remove:
                Credentials.Remove(session, remove.Key);
                break;
        }
    }
}
