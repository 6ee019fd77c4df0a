namespace Rollcall.Demo;

/// <summary>Names of people, streets, towns and schools for the sample; nobody in it exists.</summary>
/// <remarks>Accents, apostrophes, hyphens and blanks are there on purpose: they break careless software.</remarks>
internal static class LimitlessSisNames
{
    public static readonly string[] Girls =
    [
        "Abigail", "Adaeze", "Aisha", "Alma", "Amara", "Amelia", "Ana Sofía", "Anaïs", "Anh", "Aria", "Ava", "Beatriz",
        "Brianna", "Camila", "Caroline", "Chloé", "Clara", "Daniela", "Delia", "Destiny", "Elena", "Elif", "Ella", "Emma",
        "Esther", "Fatima", "Fiona", "Gabriela", "Grace", "Guadalupe", "Hana", "Hannah", "Imani", "Ingrid", "Isabel", "Jada",
        "Jasmine", "Josefina", "Kayla", "Keiko", "Kiara", "Layla", "Leilani", "Lucía", "Lucy", "Madison", "Maria", "Mary Kate",
        "Mei", "Mia", "Naomi", "Nevaeh", "Nia", "Noor", "Olivia", "Priya", "Rachel", "Renée", "Rosa", "Ruby", "Ruth", "Sadie",
        "Sana", "Savannah", "Selena", "Sienna", "Sofia", "Talia", "Thảo", "Valentina", "Violet", "Ximena", "Yara", "Zoë", "Zuri",
    ];

    public static readonly string[] Boys =
    [
        "Aaron", "Abdul", "Adrián", "Aiden", "Alejandro", "Andre", "Anthony", "Arjun", "Asher", "Ben", "Bilal", "Brayden",
        "Caleb", "Carlos", "Chidi", "Christian", "Cole", "Damián", "Daniel", "Darius", "David", "DeShawn", "Diego", "Dominic",
        "Eli", "Emeka", "Emilio", "Ethan", "Ezra", "Felix", "Francisco", "Gabriel", "Gavin", "George", "Hassan", "Henry",
        "Hiro", "Hugo", "Ibrahim", "Isaac", "Ivan", "Jamal", "James", "Javier", "Jean-Luc", "Joaquín", "José", "Jude", "Julian",
        "Kai", "Kofi", "Leo", "Liam", "Luca", "Malik", "Marcus", "Mateo", "Miles", "Minh", "Nathan", "Noah", "Omar", "Oscar",
        "Owen", "Quang", "Rafael", "Ravi", "Samuel", "Santiago", "Theo", "Tomás", "Tyrone", "Victor", "Wyatt", "Xavier", "Zach",
    ];

    public static readonly string[] Families =
    [
        "Abbott", "Abdi", "Acosta", "Adeyemi", "Aguilar", "Ahmed", "Alvarez", "Anderson", "Arroyo", "Bailey", "Banerjee",
        "Barnes", "Becker", "Begay", "Bennett", "Blackwood", "Boateng", "Brooks", "Bui", "Caldwell", "Campos", "Cárdenas",
        "Carter", "Castillo", "Chavez", "Chen", "Choi", "Clark", "Coleman", "Contreras", "Cooper", "Cruz", "D'Angelo", "Dang",
        "Davis", "De la Cruz", "Delgado", "Diaz", "Dixon", "Dominguez", "Dubois", "Edwards", "Ellis", "Escobar", "Espinoza",
        "Estrada", "Evans", "Farah", "Fields", "Fischer", "Flores", "Foster", "Franklin", "Fuentes", "Gallagher", "García",
        "Gibson", "Gómez", "Gonzalez", "Graham", "Green", "Griffin", "Guerrero", "Gupta", "Gutiérrez", "Haddad", "Hale",
        "Hamilton", "Hansen", "Harris", "Hayes", "Hernández", "Hill", "Ho", "Holloway", "Howard", "Hughes", "Hussein", "Ibarra",
        "Ito", "Jackson", "Jimenez", "Johnson", "Joseph", "Juárez", "Kaur", "Kelly", "Khan", "Kim", "King", "Kowalski", "Lam",
        "Lara", "Lawson", "Le", "Lee", "Leon", "Lewis", "Lin", "Long", "López", "Luna", "MacDonald", "Maldonado", "Marsh",
        "Martin", "Martínez", "Mason", "Mbeki", "McCarthy", "Medina", "Mehta", "Mejía", "Mendoza", "Meyer", "Miles", "Mills",
        "Molina", "Montoya", "Moore", "Morales", "Moreno", "Morris", "Muñoz", "Murphy", "Navarro", "Nelson", "Ngô", "Nguyễn",
        "Noble", "Norris", "Núñez", "O'Brien", "Ochoa", "O'Connor", "Okafor", "Oliver", "Olson", "Ortega", "Ortiz", "Osborne",
        "Owens", "Pacheco", "Park", "Patel", "Payne", "Peña", "Pérez", "Perkins", "Pham", "Phillips", "Pierce", "Porter",
        "Powell", "Quinn", "Quintero", "Ramirez", "Ramos", "Reed", "Reyes", "Richards", "Ríos", "Rivera", "Roberts", "Robles",
        "Rodríguez", "Romero", "Rosales", "Ruiz", "Russell", "Salazar", "Sanchez", "Sanders", "Sandoval", "Santos", "Schmidt",
        "Shah", "Silva", "Singh", "Smith", "Smith-Jones", "Solís", "Soto", "St. James", "Stewart", "Stone", "Suárez", "Tan",
        "Taylor", "Thompson", "Torres", "Tran", "Trujillo", "Turner", "Valdez", "Vargas", "Vásquez", "Vega", "Velasco", "Vu",
        "Walker", "Wallace", "Warren", "Washington", "Watkins", "Weaver", "West", "White Eagle", "Williams", "Wong", "Wright",
        "Wu", "Yang", "Young", "Yusuf", "Zamora", "Zhang", "Zimmerman",
    ];

    public static readonly string[] Streets =
    [
        "Alder Street", "Ash Lane", "Bluebonnet Drive", "Canyon Road", "Cedar Street", "Church Street", "Cottonwood Avenue",
        "County Road 12", "Creekside Drive", "Elm Street", "Farm Road 1960", "Hawthorn Court", "Juniper Way", "Lakeview Drive",
        "Live Oak Boulevard", "Magnolia Avenue", "Main Street", "Meadow Lane", "Mesquite Trail", "Mill Road", "Mockingbird Lane",
        "North 3rd Street", "Orchard Road", "Pecan Street", "Pioneer Parkway", "Prairie View", "Quail Run", "River Road",
        "Rosewood Avenue", "Sage Drive", "School Street", "South 8th Street", "Sunset Boulevard", "Sycamore Street", "Windmill Lane",
    ];

    /// <summary>One per district; districts beyond these get a number as well.</summary>
    public static readonly string[] Towns =
        ["Limitless", "Cedar Hollow", "Blanco Springs", "Mesa Verde", "Harlan Ferry", "Twin Forks", "Pecan Grove", "Santa Rita"];

    /// <summary>First and second words of school names; their combinations are used up in order, so no two schools share one.</summary>
    public static readonly string[] SchoolFirst =
    [
        "Maple", "Eagle", "Stone", "Willow", "Sunrise", "Bright", "Heron", "Copper", "Silver", "Clear", "Prairie", "Oak",
        "Falcon", "Rocky", "Laurel", "Amber", "Cypress", "Bluff", "Hidden", "Lone", "Mission", "Quarry", "Summit", "Timber",
    ];

    public static readonly string[] SchoolSecond =
        ["Ridge", "Creek", "Valley", "Point", "Meadows", "Springs", "Bend", "Grove", "Hill", "Crossing", "Lake", "Park"];

    public static string School(int number) =>
        $"{SchoolFirst[number % SchoolFirst.Length]} {SchoolSecond[(number + number / SchoolFirst.Length) % SchoolSecond.Length]}"
        + (number < SchoolFirst.Length * SchoolSecond.Length ? "" : $" {number / (SchoolFirst.Length * SchoolSecond.Length) + 1}");
}
