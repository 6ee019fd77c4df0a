using System.Collections;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Publish;

namespace Rollcall.Tests.Exchange;

/// <summary>The API Publisher's names in all the ways in which its users write them.</summary>
public sealed class PublishArgumentsTests : IDisposable
{
    private static readonly string[] _connections =
        ["--sourceUrl=http://a", "--sourceKey=k", "--sourceSecret=s", "--targetUrl=http://b", "--targetKey=k", "--targetSecret=s"];

    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Fact]
    public void The_documented_defaults_hold_when_nothing_is_said()
    {
        var options = PublishOptions.From(Read());
        Assert.Equal(TimeSpan.FromMinutes(28), options.BearerTokenRefresh);
        Assert.Equal((10, TimeSpan.FromMilliseconds(100)), (options.Retry.RetriesMax, options.Retry.StartingDelay));
        Assert.Equal((10, 20, 5, 25), (options.ResourcesMax, options.PostsPerResourceMax, options.PagesPerResourceMax, options.ErrorBatchSize));
        Assert.False(options.IncludeDescriptors || options.IgnoreIsolation || options.WhatIf || options.TreatForbiddenPostAsWarning);
        Assert.Null(options.PageSize);
        Assert.Equal("students", Assert.Single(options.UpdatePrerequisites.Keys, k => k.Endpoint == "students").Endpoint);
    }

    [Theory]
    [InlineData("--streamingPageSize=75")]
    [InlineData("--STREAMINGPAGESIZE=75")]
    [InlineData("--Options:StreamingPageSize=75")]
    [InlineData("/streamingPageSize=75")]
    [InlineData("streamingPageSize=75")]
    [InlineData("--streamingPageSize", "75")]
    [InlineData("/options:streamingPageSize", "75")]
    public void A_name_may_be_written_in_every_way(params string[] arguments) => Assert.Equal(75, PublishOptions.From(Read(arguments)).PageSize);

    [Theory]
    [InlineData("EdFi:Publisher:Options:StreamingPageSize")]
    [InlineData("EdFi:ApiPublisher:Options:StreamingPageSize")]
    [InlineData("EdFi__Publisher__Options__StreamingPageSize")]
    [InlineData("EdFi__ApiPublisher__Options__StreamingPageSize")]
    public void Both_prefixes_of_variables_count_and_the_command_line_counts_more(string variable)
    {
        var environment = new Hashtable { [variable] = "60" };
        Assert.Equal(60, PublishOptions.From(PublishArguments.Read(_connections, environment, _folder)).PageSize);
        Assert.Equal(61, PublishOptions.From(PublishArguments.Read([.. _connections, "--streamingPageSize=61"], environment, _folder)).PageSize);
    }

    public static TheoryData<string> OwnPaths => [.. PublishName.All.Where(n => n.Path.StartsWith("Rollcall:", StringComparison.Ordinal) && n.Path != "Rollcall:Config").Select(n => n.Path)];

    [Theory]
    [MemberData(nameof(OwnPaths))]
    public void Rollcalls_own_names_are_variables_with_a_prefix_and_without(string path)
    {
        foreach (var variable in (string[])[path, path.Replace(":", "__", StringComparison.Ordinal), path.ToUpperInvariant(), "EdFi:Publisher:" + path, "EdFi__ApiPublisher__" + path.Replace(":", "__", StringComparison.Ordinal)])
        {
            Assert.Equal("true", PublishArguments.Read([], new Hashtable { [variable] = "true" }, _folder)[path]);
        }
    }

    [Theory]
    [InlineData("Rollcall:Jason", "do you mean Rollcall:Json?")]
    [InlineData("Rollcall__DryRuns", "do you mean Rollcall:DryRun?")]
    [InlineData("EdFi__Publisher__Rollcall__Restarts", "do you mean Rollcall:Restart?")]
    public void A_variable_that_is_none_of_Rollcalls_is_refused_by_name(string variable, string expected)
    {
        var fault = Assert.Throws<InvalidDataException>(() => PublishArguments.Read([], new Hashtable { [variable] = "true" }, _folder));
        Assert.Contains(variable, fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        // Other variables of Rollcall, and everybody else's.
        PublishArguments.Read([], new Hashtable { ["ROLLCALL_PROVIDERS"] = "x", ["ROLLCALL_SYNC_URL"] = "x", ["PATH"] = "x", ["Rollcall"] = "x" }, _folder);
    }

    [Theory]
    [InlineData(true, "--json")]
    [InlineData(true, "/json")]
    [InlineData(true, "--Rollcall:Json=true")]
    [InlineData(true, "--json", "true")]
    [InlineData(false, "--json", "false")]
    [InlineData(false, "--json=false")]
    [InlineData(false, "--rejected", "json")]
    [InlineData(true, "--nosuch", "--json")]
    public void It_is_known_that_JSON_is_asked_for_also_when_something_else_is_wrong(bool expected, params string[] arguments)
    {
        Assert.Equal(expected, PublishArguments.AsksForJson(arguments, new Hashtable()));
        // The command line counts more than a variable.
        Assert.Equal(expected || !arguments.Any(a => a.Contains("json", StringComparison.OrdinalIgnoreCase) && a.StartsWith("--json", StringComparison.Ordinal)),
            PublishArguments.AsksForJson(arguments, new Hashtable { ["Rollcall__Json"] = "true" }));
    }

    [Fact]
    public void A_variable_names_the_settings_file_and_a_settings_file_names_none()
    {
        var (one, other) = (Path.Combine(_folder, "one.json"), Path.Combine(_folder, "other.json"));
        File.WriteAllText(one, """{"options":{"streamingPageSize":61}}""");
        File.WriteAllText(other, """{"options":{"streamingPageSize":62}}""");
        var environment = new Hashtable { ["Rollcall__Config"] = one };
        Assert.Equal(61, PublishOptions.From(PublishArguments.Read(_connections, environment, _folder)).PageSize);
        Assert.Equal(62, PublishOptions.From(PublishArguments.Read([.. _connections, "--config=" + other], environment, _folder)).PageSize);
        var missing = Assert.Throws<InvalidDataException>(() => PublishArguments.Read([], new Hashtable { ["EdFi:Publisher:Rollcall:Config"] = one + "x" }, _folder));
        Assert.Contains("there is no file " + one + "x", missing.Message, StringComparison.Ordinal);

        File.WriteAllText(one, """{"rollcall":{"config":"other.json"}}""");
        var fault = Assert.Throws<InvalidDataException>(() => PublishArguments.Read([], environment, _folder));
        Assert.Contains("a settings file cannot name another", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shipped_settings_file_is_read_as_it_is()
    {
        // The names and values of the API Publisher's own file.
        File.WriteAllText(Path.Combine(_folder, "apiPublisherSettings.json"), """
            {
              "options": { "bearerTokenRefreshMinutes": 28, "retryStartingDelayMilliseconds": 100, "maxRetryAttempts": 5,
                "maxDegreeOfParallelismForResourceProcessing": 7, "maxDegreeOfParallelismForPostResourceItem": 15,
                "maxDegreeOfParallelismForStreamResourcePages": 5, "streamingPagesWaitDurationSeconds": 10, "streamingPageSize": 500,
                "includeDescriptors": false, "errorPublishingBatchSize": 25, "useChangeVersionPaging": false, "changeVersionPagingWindowSize": 25000,
                "enableRateLimit": false, "rateLimitNumberExecutions": 30, "rateLimitTimeSeconds": 1, "rateLimitMaxRetries": 10, "useReversePaging": false },
              "authorizationFailureHandling": [
                { "path": "/ed-fi/students", "updatePrerequisitePaths": ["/ed-fi/studentSchoolAssociations"] },
                { "path": "/ed-fi/parents", "updatePrerequisitePaths": ["/ed-fi/studentParentAssociations"] } ],
              "resourcesWithUpdatableKeys": ["/ed-fi/classPeriods"]
            }
            """);
        var options = PublishOptions.From(Read());
        Assert.Equal((7, 15, 500, 5), (options.ResourcesMax, options.PostsPerResourceMax, options.PageSize, options.Retry.RetriesMax));
        Assert.Equal(["parents", "students"], options.UpdatePrerequisites.Keys.Select(k => k.Endpoint).Order());
    }

    [Theory]
    [InlineData("--remediationsScriptFile=x.js", "--remediationsScriptFile: there is no file x.js")]
    [InlineData("--changeVersionPagingWindowSize=0", "--changeVersionPagingWindowSize needs a whole number of at least 1")]
    [InlineData("--rateLimitTimeSeconds=0", "--rateLimitTimeSeconds needs a number of seconds above 0")]
    [InlineData("--lastChangeVersionProcessed=5", "--lastChangeVersionProcessed needs a change window")]
    [InlineData("--lastChangeVersionProcessed=-5", "--lastChangeVersionProcessed needs a whole number of at least 0")]
    [InlineData("--sourceProfileName=p", "--sourceProfileName without --targetProfileName")]
    [InlineData("--sourceType=sqlite", "--sourceType=sqlite is not supported by this build")]
    [InlineData("--targetFile=x.db", "--targetFile needs --targetType=sqlite")]
    [InlineData("--targetType=csv", "--targetType is api or sqlite")]
    [InlineData("--acknowledge=x", "--acknowledge needs a whole number")]
    [InlineData("--resources=students", "--resources is obsolete")]
    [InlineData("--remediationScriptFile=x", "do you mean remediationsScriptFile?")]
    [InlineData("--streamingPagesize2=5", "do you mean streamingPageSize?")]
    [InlineData("--Options:IncludeDescriptor=true", "do you mean Options:IncludeDescriptors?")]
    [InlineData("--ignoreIsolation", "--ignoreIsolation needs a value")]
    [InlineData("lonely", "'lonely' is no argument")]
    [InlineData("--config=nowhere.json", "there is no file nowhere.json")]
    public void What_cannot_be_honoured_is_refused_by_name(string argument, string expected)
    {
        var fault = Assert.Throws<InvalidDataException>(() => PublishOptions.From(Read(argument)));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--treatForbiddenPostAsWarning=true")]
    [InlineData("--lastChangeVersionProcessedNamespace=n")]
    [InlineData("--restart")]
    [InlineData("--rejected=r.ndjson")]
    [InlineData("--verify")]
    [InlineData("--acknowledge=1")]
    [InlineData("--remediationsUnrestricted=true")]
    [InlineData("--targetUrl=http://b")]
    [InlineData("--targetKey=k")]
    [InlineData("--targetProfileName=p")]
    public void What_means_nothing_to_a_file_is_refused_by_name(string argument)
    {
        string[] export = ["--sourceUrl=http://a", "--sourceKey=k", "--sourceSecret=s", "--targetType=sqlite", "--targetFile=x.db"];
        Assert.NotNull(PublishOptions.From(PublishArguments.Read(export, new Hashtable(), _folder)).TargetFile);
        var fault = Assert.Throws<InvalidDataException>(() => PublishOptions.From(PublishArguments.Read([.. export, argument], new Hashtable(), _folder)));
        Assert.Contains($"{argument.Split('=')[0]} is not supported with a SQLite file", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_turned_off_is_off()
    {
        var options = PublishOptions.From(Read("--useReversePaging=false", "--enableRateLimit=false", "--sourceType=api", "--targetType=api"));
        Assert.Equal((false, null, null), (options.UseReversePaging, options.RateLimit, options.TargetFile));
    }

    [Fact]
    public void All_faults_are_told_together_and_no_secret_with_them()
    {
        var fault = Assert.Throws<InvalidDataException>(() => PublishOptions.From(PublishArguments.Read(
            ["--sourceUrl=nonsense", "--sourceSecret=topSecret", "--maxRetryAttempts=-1", "--includeDescriptors=maybe"], new Hashtable(), _folder)));
        foreach (var part in (string[])["--sourceUrl", "--sourceKey is missing", "--targetUrl is missing", "--maxRetryAttempts", "--includeDescriptors needs true or false"])
        {
            Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("topSecret", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_may_be_named_by_variable_or_file()
    {
        var file = Path.Combine(_folder, "secret");
        File.WriteAllText(file, "from-file\n");
        var options = PublishOptions.From(Read("--sourceSecret=${file:" + file + "}", "--targetSecret=${env:PATH}"));
        Assert.Equal(("from-file", Environment.GetEnvironmentVariable("PATH")), (options.Source.Secret, options.Target.Secret));
        Assert.DoesNotContain("from-file", options.Source.ToString(), StringComparison.Ordinal);
        var fault = Assert.Throws<InvalidDataException>(() => PublishOptions.From(Read("--sourceSecret=${env:ROLLCALL_NOT_SET}")));
        Assert.Contains("ROLLCALL_NOT_SET is not set", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_refuses_what_only_a_writer_has_a_use_for()
    {
        var fault = Assert.Throws<InvalidDataException>(() => PublishArguments.Read(["--whatIf=true"], new Hashtable(), _folder, forVerify: true));
        Assert.Contains("--whatIf means nothing to verify", fault.Message, StringComparison.Ordinal);
        Assert.True(VerifySettings.From(PublishArguments.Read(_connections, new Hashtable(), _folder, forVerify: true)).IncludeDescriptors);
    }

    private IConfiguration Read(params string[] more) => PublishArguments.Read([.. _connections, .. more], new Hashtable(), _folder);

    public void Dispose() => Directory.Delete(_folder, true);
}
