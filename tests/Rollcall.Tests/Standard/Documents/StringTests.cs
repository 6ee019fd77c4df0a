using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Spaces, emptiness and lengths: section 4.4 of the reference, row by row.</summary>
public sealed class StringTests
{
    [Theory]
    [InlineData(" abcdef")]
    [InlineData("abcdef ")]
    [InlineData("\\tabcdef")]
    [InlineData("abcdef\\u00a0")]
    [InlineData("\u2003abcdef")]
    [InlineData("       ")]
    public void Identity_strings_have_no_outer_spaces(string sent) =>
        Assert.Equal("Schema $.weekIdentifier weekIdentifier cannot contain leading or trailing spaces.",
            Read.Faults("academicWeeks", Read.With(Read.Week, "weekIdentifier", $"\"{sent}\"")));

    [Fact]
    public void An_identity_string_may_hold_spaces_inside() =>
        Assert.Contains("\"a b  c\"", Read.Stored("academicWeeks", Read.With(Read.Week, "weekIdentifier", "\"a b  c\"")), StringComparison.Ordinal);

    [Fact]
    public void Key_members_of_a_reference_have_no_outer_spaces() =>
        Assert.Equal("Schema $.classPeriodName classPeriodName cannot contain leading or trailing spaces.",
            Read.Faults("bellSchedules", Read.With(Read.Schedule, "classPeriods", """[{"classPeriodReference":{"classPeriodName":"P1 ","schoolId":40}}]""")));

    [Fact]
    public void Key_members_of_an_item_have_no_outer_spaces() =>
        Assert.Equal("Schema $.electronicMailAddress electronicMailAddress cannot contain leading or trailing spaces.",
            Read.Faults("staffs", Read.With(Read.Staff, "electronicMails", """[{"electronicMailAddress":"a@b.example ","electronicMailTypeDescriptor":"uri://a#Work"}]""")));

    [Theory]
    [InlineData(" ")]
    [InlineData("  \\t ")]
    public void A_required_string_is_not_blank(string sent) =>
        Assert.Equal("Schema $.firstName firstName cannot contain leading or trailing spaces.",
            Read.Faults("students", Read.With(Read.Student, "firstName", $"\"{sent}\"")));

    [Theory]
    [InlineData("studentUniqueId")]
    [InlineData("firstName")]
    public void A_required_string_is_not_empty(string name) =>
        Assert.Equal($"Schema $.{name} {name} is required and should not be left empty.",
            Read.Faults("students", Read.With(Read.Student, name, "\"\"")));

    [Fact]
    public void Below_the_root_an_empty_required_string_gets_the_text_about_spaces() =>
        Assert.Equal("Schema $.firstName firstName cannot contain leading or trailing spaces.",
            Read.Faults("students", Read.With(Read.Student, "otherNames", """[{"firstName":"","lastSurname":"D","otherNameTypeDescriptor":"uri://a#Alias"}]""")));

    [Theory]
    [InlineData("firstName", "  Ana ")]
    [InlineData("middleName", "   ")]
    [InlineData("middleName", "")]
    [InlineData("middleName", "\"quoted\"")]
    [InlineData("middleName", "<b>&#64;")]
    public void Other_strings_are_kept_verbatim(string name, string sent)
    {
        var stored = Read.Stored("students", Read.With(Read.Student, name, JsonValue.Create(sent).ToJsonString()));
        Assert.Equal(sent, JsonNode.Parse(stored)![name]!.GetValue<string>());
    }

    [Fact]
    public void An_optional_string_with_a_least_length_is_not_empty() =>
        Assert.Equal("Schema $.electronicMailAddress electronicMailAddress cannot contain leading or trailing spaces.\n"
            + "Schema $.electronicMailAddress electronicMailAddress Value should be at least 7 characters",
            Read.Faults("staffs", Read.With(Read.Staff, "electronicMails", """[{"electronicMailAddress":"","electronicMailTypeDescriptor":"uri://a#Work"}]""")));

    [Theory]
    [InlineData(4, "at least 5")]
    [InlineData(81, "at most 80")]
    public void Lengths_are_checked(int length, string finding) =>
        Assert.Equal($"Schema $.weekIdentifier weekIdentifier Value should be {finding} characters",
            Read.Faults("academicWeeks", Read.With(Read.Week, "weekIdentifier", $"\"{new string('w', length)}\"")));

    [Theory]
    [InlineData("é", 80)]
    [InlineData("𝒳", 80)]
    [InlineData("\\u00e9", 80)]
    [InlineData("\\ud835\\udcb3", 80)]
    public void Lengths_are_counted_in_characters(string character, int most)
    {
        Assert.Equal("", Read.Faults("academicWeeks", Read.With(Read.Week, "weekIdentifier", $"\"{Times(character, most)}\"")));
        Assert.Equal($"Schema $.weekIdentifier weekIdentifier Value should be at most {most} characters",
            Read.Faults("academicWeeks", Read.With(Read.Week, "weekIdentifier", $"\"{Times(character, most + 1)}\"")));
    }

    [Fact]
    public void A_descriptor_value_has_306_characters_at_most()
    {
        var uri = "uri://a#" + new string('x', 298);
        Assert.Equal("", Read.Faults("schools", Read.With(Read.School, "gradeLevels", $"[{{\"gradeLevelDescriptor\":\"{uri}\"}}]")));
        Assert.Equal("Schema $.gradeLevelDescriptor gradeLevelDescriptor Value should be at most 306 characters",
            Read.Faults("schools", Read.With(Read.School, "gradeLevels", $"[{{\"gradeLevelDescriptor\":\"{uri}x\"}}]")));
    }

    [Theory]
    [InlineData("codeValue", " Tenth ", "Tenth")]
    [InlineData("shortDescription", "\u00a0Tenth grade", "Tenth grade")]
    [InlineData("description", "  ", "  ")]
    [InlineData("description", " x ", " x ")]
    public void A_descriptors_texts_are_trimmed_but_for_its_description(string name, string sent, string stored)
    {
        var json = Read.Stored("gradeLevelDescriptors", Read.With(Read.Descriptor, name, JsonValue.Create(sent).ToJsonString()));
        Assert.Equal(stored, JsonNode.Parse(json)![name]!.GetValue<string>());
    }

    [Fact]
    public void A_trimmed_code_value_is_the_key()
    {
        var plain = Read.Body("gradeLevelDescriptors", $"{{{Read.Descriptor}}}").Document!;
        var spaced = Read.Body("gradeLevelDescriptors", Read.With(Read.Descriptor, "codeValue", "\" Tenth\"")).Document!;
        Assert.Equal(plain.KeyHash, spaced.KeyHash);
        Assert.Equal(plain.RecordHash, spaced.RecordHash);
        Assert.Equal(["uri://a", "Tenth"], spaced.KeyTexts);
    }

    [Theory]
    [InlineData("codeValue", "", "codeValue Value should be at least 1 characters")]
    [InlineData("codeValue", "  ", "codeValue Value should be at least 1 characters")]
    [InlineData("shortDescription", " ", "shortDescription Value should be at least 1 characters")]
    [InlineData("namespace", "", "namespace Value should be at least 1 characters")]
    [InlineData("namespace", "  ", "namespace cannot contain leading or trailing spaces.")]
    [InlineData("namespace", " uri://a", "namespace cannot contain leading or trailing spaces.")]
    public void A_descriptors_texts_that_are_refused(string name, string sent, string finding) =>
        Assert.Equal($"Schema $.{name} {finding}", Read.Faults("gradeLevelDescriptors", Read.With(Read.Descriptor, name, $"\"{sent}\"")));

    [Theory]
    [InlineData("codeValue", 50)]
    [InlineData("namespace", 255)]
    [InlineData("shortDescription", 75)]
    [InlineData("description", 1024)]
    public void A_descriptors_texts_have_these_lengths(string name, int most)
    {
        Assert.Equal("", Read.Faults("gradeLevelDescriptors", Read.With(Read.Descriptor, name, $"\"{new string('x', most)}\"")));
        Assert.Equal($"Schema $.{name} {name} Value should be at most {most} characters",
            Read.Faults("gradeLevelDescriptors", Read.With(Read.Descriptor, name, $"\"{new string('x', most + 1)}\"")));
    }

    [Fact]
    public void The_zero_character_is_refused()
    {
        Assert.Equal("Schema $.firstName firstName Value should not contain the character U+0000",
            Read.Faults("students", Read.With(Read.Student, "firstName", "\"a\\u0000b\"")));
    }

    [Fact]
    public void A_trimmed_text_with_signs_that_need_no_escape_is_kept()
    {
        var json = Read.Stored("gradeLevelDescriptors", Read.With(Read.Descriptor, "codeValue", "\" caf\u00e9/\\u0041 \""));
        Assert.Contains("\"codeValue\":\"caf\u00e9/A\"", json, StringComparison.Ordinal);
    }

    private static string Times(string text, int count) => new StringBuilder().Insert(0, text, count).ToString();
}
