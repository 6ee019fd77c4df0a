namespace Rollcall.Standard.Documents.Reading;

/// <summary>Key unification (5.4): values that the model merges must agree.</summary>
internal static class EqualityRule
{
    /// <summary>More conflicting values than anyone reads; a body can hold a million.</summary>
    private const int ValuesShown = 100;

    public static void Check(CompiledResource resource, ParsedBody body)
    {
        foreach (var set in resource.Equalities)
        {
            var first = 0;
            foreach (ref readonly var path in set.AsSpan())
            {
                if (!Agrees(body, 0, path.Steps, ref first))
                {
                    Report(set, body);
                    break;
                }
            }
        }
    }

    /// <param name="owner">The object that the first of <paramref name="steps"/> belongs to.</param>
    /// <param name="first">The first value of the set that was met; all others must equal it.</param>
    private static bool Agrees(ParsedBody body, int owner, ReadOnlySpan<int> steps, ref int first)
    {
        var entries = body.Entries;
        for (var i = 0; i < steps.Length; i++)
        {
            owner = body.Member(owner, steps[i]);
            if (owner == 0)
            {
                return true;
            }

            if (entries[owner].State == EntryState.Array)
            {
                for (var item = entries[owner].First; item != 0; item = entries[item].Next)
                {
                    if (!Agrees(body, item, steps[(i + 1)..], ref first))
                    {
                        return false;
                    }
                }

                return true;
            }
        }

        if (first == 0)
        {
            first = owner;
        }

        return body.AreEqual(entries[first], entries[owner]);
    }

    /// <summary>One finding per path that has a value, each with all distinct values in the order of the paths.</summary>
    private static void Report(MemberPath[] set, ParsedBody body)
    {
        var found = new List<(MemberPath Path, List<int> Values)>();
        foreach (var path in set)
        {
            var values = new List<int>();
            Collect(body, 0, path.Steps, values);
            if (values.Count > 0)
            {
                found.Add((path, values));
            }
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var texts = new List<string>();
        foreach (var value in found.SelectMany(f => f.Values))
        {
            var text = body.Text(body.Entries[value]);
            if (seen.Add(Keys.Fold.Text(text)))
            {
                texts.Add(text);
            }

            if (texts.Count == ValuesShown)
            {
                break;
            }
        }

        foreach (var (path, _) in found)
        {
            body.Work.Faults.Add(FaultPhase.Equality, path.Text, FaultText.NotEqual(path.LastName, texts));
        }
    }

    private static void Collect(ParsedBody body, int owner, ReadOnlySpan<int> steps, List<int> values)
    {
        var entries = body.Entries;
        for (var i = 0; i < steps.Length; i++)
        {
            owner = body.Member(owner, steps[i]);
            if (owner == 0)
            {
                return;
            }

            if (entries[owner].State == EntryState.Array)
            {
                for (var item = entries[owner].First; item != 0; item = entries[item].Next)
                {
                    Collect(body, item, steps[(i + 1)..], values);
                }

                return;
            }
        }

        values.Add(owner);
    }
}
