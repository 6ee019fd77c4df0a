using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>The single pass over a body: checks and coerces every known member and leaves the flat tree of <see cref="Entry"/> behind.</summary>
internal ref partial struct BodyScanner
{
    public const int MaxDepth = 64;

    private readonly ReadOnlySpan<byte> _body;
    private readonly Workspace _work;
    private readonly ReadPurpose _purpose;
    private readonly Guid? _pathId;

    /// <summary>Only what the DMS does is done.</summary>
    private readonly bool _isDms;

    /// <summary>The body is printable ASCII, so that a string without escapes is canonical as it stands.</summary>
    private readonly bool _isPlain;

    private Utf8JsonReader _json;

    public BodyScanner(ReadOnlySpan<byte> body, Workspace work, ReadPurpose purpose, Guid? pathId, Compatibility compatibility)
    {
        _body = body;
        _work = work;
        _purpose = purpose;
        _pathId = pathId;
        _isDms = compatibility == Compatibility.Dms;
        _isPlain = body.IndexOfAnyExceptInRange((byte)0x01, (byte)0x7E) < 0;
        _json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
    }

    /// <summary>Some object seems to hold a name twice; unknown names are compared by hash only, so look again.</summary>
    public bool MayHoldDuplicates { get; private set; }

    /// <summary>A PUT's body had an <c>id</c> that is not null.</summary>
    private bool _hasId;

    /// <summary>Reads the whole body; faults are in the workspace.</summary>
    public void Scan(CompiledObject root)
    {
        _work.Add(0);
        try
        {
            if (!_isPlain && !Utf8.IsValid(_body))
            {
                RefuseText(FaultText.InvalidUtf8, InvalidUtf8At());
                return;
            }

            _json.Read();
            if (_json.TokenType == JsonTokenType.StartObject)
            {
                ScanMembers(root, null, -1, 0);
                if (_isDms && _purpose == ReadPurpose.Replace && !_hasId)
                {
                    AddSchemaFault("id", FaultText.Required("id"));
                }
            }
            else
            {
                AddTypeFault("", "object");
                Skip();
            }

            // Anything after the root value is malformed.
            _json.Read();
        }
        catch (JsonException malformed)
        {
            _work.Faults.Add(FaultPhase.Json, "$.", malformed.Message);
        }
        catch (InvalidOperationException)
        {
            // The reader leaves the pairing of surrogate escapes to whoever unescapes a string.
            RefuseText(FaultText.LoneSurrogate, (int)_json.TokenStartIndex);
        }
    }

    /// <summary>Reads the members of the object that the reader has just entered and chains them to <paramref name="owner"/>.</summary>
    /// <param name="container">The member whose value, or whose item, the object is; null for the root.</param>
    /// <param name="item">Position in the array, or -1.</param>
    /// <returns>Whether the object was written with any member at all.</returns>
    private bool ScanMembers(CompiledObject members, CompiledMember? container, int item, int owner)
    {
        var unknownBefore = _work.UnknownNames.Count;
        var isEmpty = true;
        var last = 0;
        var expected = 0;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            isEmpty = false;
            var name = _json.ValueIsEscaped ? Unescape() : _json.ValueSpan;
            var position = members.Names.Find(name, expected);
            if (position < 0)
            {
                if (container is null && TakeId(name))
                {
                    continue;
                }

                NoteUnknown(name);
                _json.Read();
                Skip();
                continue;
            }

            if (_work.Faults.IsFull)
            {
                // Nothing more is learned from this body but whether it is JSON, and without duplicates.
                MayHoldDuplicates = true;
                _json.Read();
                Skip();
                continue;
            }

            expected = position + 1;
            var entry = _work.Add(position);
            _json.Read();
            ScanValue(members.Members[position], container, item, entry);
            last = Chain(owner, last, entry);
        }

        CheckUnknown(unknownBefore);
        if (!isEmpty || item < 0)
        {
            CheckRequired(members, container, item, owner);
        }

        return !isEmpty;
    }

    private void ScanValue(CompiledMember member, CompiledMember? container, int item, int entry)
    {
        if (_json.TokenType == JsonTokenType.Null)
        {
            return;
        }

        // The entries may move while the value is read: only then look up where to put the state.
        var state = member.Type switch
        {
            PropertyType.Array => ScanArray(member, entry),
            PropertyType.Object or PropertyType.Reference => ScanObject(member, entry),
            _ => ScanScalar(member, container is null, ref _work.Entries[entry]),
        };
        _work.Entries[entry].State = state;
    }

    private EntryState ScanObject(CompiledMember member, int entry)
    {
        if (_json.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(member.Name, "object");
        }

        ScanMembers(member.Members!, member, -1, entry);
        return HasContent(_work.Entries[entry].First) || member.Members!.Required.Length > 0 ? EntryState.Object : EntryState.Absent;
    }

    private EntryState ScanArray(CompiledMember member, int entry)
    {
        if (_json.TokenType != JsonTokenType.StartArray)
        {
            return WrongType(member.Name, "array");
        }

        // An array of nothing but {} counts as absent (4.2), so what a {} lacks is known only with another item.
        var blank = 0;
        var isBlank = true;
        var last = 0;
        for (var position = 0; _json.Read() && _json.TokenType != JsonTokenType.EndArray; position++)
        {
            if (_work.Faults.IsFull)
            {
                Skip();
                continue;
            }

            var isObject = _json.TokenType == JsonTokenType.StartObject;
            var item = isObject ? _work.Add(0) : 0;
            if (isObject && !ScanMembers(member.Members!, member, position, item))
            {
                _work.DropLast();
                if (isBlank)
                {
                    blank++;
                }
                else
                {
                    MissingInBlank(member, position);
                }

                continue;
            }

            for (; isBlank && blank > 0; blank--)
            {
                MissingInBlank(member, position - blank);
            }

            isBlank = false;
            if (!isObject)
            {
                WrongType(position.ToString(CultureInfo.InvariantCulture), "object");
            }
            else if (HasContent(_work.Entries[item].First))
            {
                _work.Entries[item].State = EntryState.Object;
                (last == 0 ? ref _work.Entries[entry].First : ref _work.Entries[last].Next) = item;
                last = item;
            }
        }

        return last != 0 ? EntryState.Array
            : isBlank || _work.Faults.IsEmpty ? EntryState.Absent
            : EntryState.Faulty;
    }

    /// <summary>Puts an entry at its canonical place among its siblings; returns the last of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Chain(int owner, int last, int entry)
    {
        var entries = _work.Entries;
        if (last == 0)
        {
            entries[owner].First = entry;
            return entry;
        }

        if (entries[last].Member < entries[entry].Member)
        {
            entries[last].Next = entry;
            return entry;
        }

        return ChainEarlier(owner, last, entry);
    }

    private int ChainEarlier(int owner, int last, int entry)
    {
        var entries = _work.Entries;
        var member = entries[entry].Member;
        ref var link = ref entries[owner].First;
        while (entries[link].Member < member)
        {
            link = ref entries[link].Next;
        }

        if (entries[link].Member == member)
        {
            MayHoldDuplicates = true;
            return last;
        }

        entries[entry].Next = link;
        link = entry;
        return last;
    }

    private void CheckRequired(CompiledObject members, CompiledMember? container, int item, int owner)
    {
        var entries = _work.Entries;
        var entry = entries[owner].First;
        foreach (var required in members.Required)
        {
            while (entry != 0 && entries[entry].Member < required)
            {
                entry = entries[entry].Next;
            }

            if (entry == 0 || entries[entry].Member != required || entries[entry].State == EntryState.Absent)
            {
                Missing(members.Members[required], container, item);
            }
        }
    }

    private void MissingInBlank(CompiledMember array, int item)
    {
        foreach (var required in array.Members!.Required)
        {
            Missing(array.Members.Members[required], array, item);
        }
    }

    /// <summary>The key names the member and the one segment before it: the reference's quirk (4.7).</summary>
    private void Missing(CompiledMember member, CompiledMember? container, int item)
    {
        if (_work.Faults.IsFull)
        {
            return;
        }

        var path = container is null ? $"$.{member.Name}"
            : item >= 0 ? FormattableString.Invariant($"$.{item}.{member.Name}")
            : $"$.{container.Name}.{member.Name}";
        _work.Faults.Add(FaultPhase.Schema, path, FaultText.Required(member.Name));
    }

    private bool HasContent(int entry)
    {
        for (; entry != 0; entry = _work.Entries[entry].Next)
        {
            if (_work.Entries[entry].State != EntryState.Absent)
            {
                return true;
            }
        }

        return false;
    }

    private EntryState WrongType(string name, string expected)
    {
        AddTypeFault(name, expected);
        Skip();
        return EntryState.Faulty;
    }

    private void AddTypeFault(string name, string expected)
    {
        if (!_work.Faults.IsFull)
        {
            AddSchemaFault(name, FaultText.Type(name, SentType(), expected));
        }
    }

    private void AddSchemaFault(string name, string message) => _work.Faults.Add(FaultPhase.Schema, "$." + name, message);

    private string SentType() => _json.TokenType switch
    {
        JsonTokenType.StartObject => "object",
        JsonTokenType.StartArray => "array",
        JsonTokenType.String => "string",
        JsonTokenType.Number => DecimalText.IsIntegral(_json.ValueSpan) ? "integer" : "number",
        JsonTokenType.Null => "null",
        _ => "boolean",
    };

    /// <summary>The current string or name without its escapes; valid until the next call.</summary>
    private ReadOnlySpan<byte> Unescape()
    {
        _work.Scratch.Truncate(0);
        var room = _work.Scratch.Reserve(_json.ValueSpan.Length);
        return room[.._json.CopyString(room)];
    }

    private void RefuseText(string sentence, int at)
    {
        var before = _body[..at];
        var lineStart = before.LastIndexOf((byte)'\n') + 1;
        _work.Faults.Add(FaultPhase.Json, "$.", FaultText.At(sentence, before.Count((byte)'\n'), at - lineStart));
    }

    private int InvalidUtf8At()
    {
        var at = 0;
        while (Rune.DecodeFromUtf8(_body[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
