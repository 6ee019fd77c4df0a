using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Rollcall.Standard.Documents.Reading;

/// <content>Members that the model does not have: skipped, but their names must still be single, and <c>id</c> has rules.</content>
internal ref partial struct BodyScanner
{
    /// <summary>Steps over the current value, noting the names inside it.</summary>
    private void Skip()
    {
        switch (_json.TokenType)
        {
            case JsonTokenType.StartObject:
                var before = _work.UnknownNames.Count;
                while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
                {
                    NoteUnknown(_json.ValueIsEscaped ? Unescape() : _json.ValueSpan);
                    _json.Read();
                    Skip();
                }

                CheckUnknown(before);
                break;
            case JsonTokenType.StartArray:
                while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
                {
                    Skip();
                }

                break;
        }
    }

    private void NoteUnknown(ReadOnlySpan<byte> name)
    {
        var hash = new HashCode();
        hash.AddBytes(name);
        _work.UnknownNames.Add(hash.ToHashCode());
    }

    /// <summary>Looks for equal hashes among the unknown names of the object that ends here.</summary>
    private void CheckUnknown(int before)
    {
        var names = CollectionsMarshal.AsSpan(_work.UnknownNames)[before..];
        if (names.IsEmpty)
        {
            return;
        }

        if (names.Length > 1)
        {
            names.Sort();
            for (var i = 1; i < names.Length; i++)
            {
                MayHoldDuplicates |= names[i] == names[i - 1];
            }
        }

        CollectionsMarshal.SetCount(_work.UnknownNames, before);
    }

    /// <summary>Applies the rules of <c>id</c> to a root member; false when the member is not under them.</summary>
    private bool TakeId(ReadOnlySpan<byte> name)
    {
        if (name.Length != 2 || (name[0] | 0x20) != 'i' || (name[1] | 0x20) != 'd')
        {
            return false;
        }

        if (_purpose == ReadPurpose.Create)
        {
            _work.Faults.Add(FaultPhase.ClientAssignedId, "", FaultText.ClientAssignedId);
            return false;
        }

        if (_purpose != ReadPurpose.Replace || !name.SequenceEqual("id"u8))
        {
            return false;
        }

        NoteUnknown(name);
        _json.Read();
        _hasId |= _json.TokenType != JsonTokenType.Null;
        var isAccepted = _json.TokenType == JsonTokenType.Null
            || (_json.TokenType == JsonTokenType.String && TryId(_json.ValueIsEscaped ? Unescape() : _json.ValueSpan, out var id) && id == _pathId);
        if (!isAccepted)
        {
            _work.Faults.Add(FaultPhase.PutId, "", FaultText.PutIdDiffers);
        }

        Skip();
        return true;
    }

    /// <summary>A UUID with or without dashes, in any letter case.</summary>
    private static bool TryId(ReadOnlySpan<byte> text, out Guid id)
    {
        id = default;
        return text.Length switch
        {
            36 => Utf8Parser.TryParse(text, out id, out var used, 'D') && used == 36,
            32 => Utf8Parser.TryParse(text, out id, out var used, 'N') && used == 32,
            _ => false,
        };
    }
}
