namespace Rollcall.Standard.Documents;

/// <summary>Whose ways the API has where servers differ and no rule of the standard decides. One setting turns on, together, everything
/// that only the Data Management Service (DMS) does.</summary>
/// <remarks>
/// | | Default | Dms |
/// |---|---|---|
/// | PUT body without <c>id</c> | accepted | 400 |
/// | date-time without time or offset | 400 | completed, whole seconds |
/// | grades and report cards whose years or schools differ between references | accepted | 400 |
/// | members required right below <c>_ext.{extension}</c> | 400 without them | optional |
/// | <c>Use-Snapshot</c> | honoured | not known |
/// | <c>_lastModifiedDate</c> | with fractions | whole seconds |
/// | <c>/identity</c> without a token | 401 | 404 |
/// | root document | ODS/API's, with tokenInfo | exactly the DMS's |
/// | write to deletes, keyChanges | 405 | 400, the word being no id |
/// | unknown metadata document | 404 with a problem | 404 with a line of text |
/// | POST of an existing key needs | Update | Create |
/// | requests in 10 seconds | no limit unless given | 20,000 unless given |
/// </remarks>
public enum Compatibility
{
    Default,
    Dms,
}
