//! Words that names, places and titles are made of.

/// What users do besides watching, and with which features.
pub(super) const INTERACTIONS: [(&str, &str); 6] = [
    ("search", "search"),
    ("browse", "recommendations"),
    ("save", "watchlist"),
    ("browse", "recommendations,trailers"),
    ("share", "sharing"),
    ("support", "chat"),
];

/// Where they do it.
pub(super) const APPS: [&str; 3] = ["app", "web", "tv"];

/// Countries with their cities, from the largest audience to the smallest.
pub(super) const PLACES: [(&str, &[&str]); 16] = [
    (
        "United States",
        &[
            "New York",
            "Los Angeles",
            "Chicago",
            "Houston",
            "Phoenix",
            "Seattle",
        ],
    ),
    (
        "India",
        &[
            "Mumbai",
            "Delhi",
            "Bengaluru",
            "Hyderabad",
            "Chennai",
            "Pune",
        ],
    ),
    (
        "Brazil",
        &[
            "São Paulo",
            "Rio de Janeiro",
            "Salvador",
            "Fortaleza",
            "Recife",
        ],
    ),
    (
        "Indonesia",
        &["Jakarta", "Surabaya", "Bandung", "Medan", "Makassar"],
    ),
    (
        "United Kingdom",
        &["London", "Birmingham", "Leeds", "Glasgow", "Bristol"],
    ),
    (
        "Germany",
        &["Berlin", "Hamburg", "Munich", "Cologne", "Leipzig"],
    ),
    (
        "France",
        &["Paris", "Marseille", "Lyon", "Toulouse", "Nantes"],
    ),
    (
        "Mexico",
        &["Mexico City", "Guadalajara", "Monterrey", "Puebla"],
    ),
    ("Japan", &["Tokyo", "Osaka", "Nagoya", "Sapporo", "Fukuoka"]),
    ("Spain", &["Madrid", "Barcelona", "Valencia", "Seville"]),
    ("Italy", &["Rome", "Milan", "Naples", "Turin"]),
    ("Canada", &["Toronto", "Montreal", "Vancouver", "Calgary"]),
    ("South Korea", &["Seoul", "Busan", "Incheon", "Daegu"]),
    ("Poland", &["Warsaw", "Kraków", "Gdańsk", "Wrocław"]),
    (
        "Romania",
        &["Bucharest", "Cluj-Napoca", "Iași", "Timișoara"],
    ),
    (
        "Netherlands",
        &["Amsterdam", "Rotterdam", "Utrecht", "Eindhoven"],
    ),
];

pub(super) const FIRST_NAMES: [&str; 40] = [
    "Ada", "Amir", "Ana", "Andrei", "Anouk", "Bilal", "Carla", "Chen", "Chloe", "Dana", "Diego",
    "Elena", "Emil", "Fatima", "Felix", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jana", "Jonas",
    "Kenji", "Lara", "Leon", "Lucia", "Maja", "Marco", "Mei", "Milan", "Nadia", "Noah", "Olga",
    "Omar", "Priya", "Rafael", "Sara", "Tariq", "Vera", "Yuki",
];

pub(super) const LAST_NAMES: [&str; 40] = [
    "Almeida",
    "Bauer",
    "Bianchi",
    "Castro",
    "Costa",
    "Dubois",
    "Evans",
    "Ferrari",
    "Fischer",
    "Garcia",
    "Gupta",
    "Haddad",
    "Ionescu",
    "Ito",
    "Jansen",
    "Khan",
    "Kim",
    "Kowalski",
    "Larsen",
    "Lefevre",
    "Lopez",
    "Martin",
    "Meyer",
    "Moreau",
    "Mukherjee",
    "Nakamura",
    "Nguyen",
    "Novak",
    "Okafor",
    "Park",
    "Popescu",
    "Reyes",
    "Rossi",
    "Santos",
    "Sharma",
    "Silva",
    "Smith",
    "Tanaka",
    "Weber",
    "Yilmaz",
];

pub(super) const TITLE_STARTS: [&str; 40] = [
    "The Last",
    "A Silent",
    "Midnight",
    "The Hidden",
    "Beyond the",
    "Broken",
    "Crimson",
    "The Long",
    "Electric",
    "Falling",
    "The Forgotten",
    "Golden",
    "Inside the",
    "Iron",
    "The Lonely",
    "Lost",
    "Morning",
    "My Brother's",
    "Neon",
    "No More",
    "Northern",
    "Our",
    "Paper",
    "The Quiet",
    "Red",
    "Return to the",
    "Second",
    "The Secret",
    "Seven",
    "Shadow",
    "Silver",
    "Stolen",
    "Summer",
    "The",
    "Thirteen",
    "Under the",
    "Velvet",
    "Waiting for the",
    "Wild",
    "Winter",
];

pub(super) const TITLE_ENDS: [&str; 50] = [
    "Archive",
    "Avenue",
    "Bridge",
    "Candle",
    "Carnival",
    "City",
    "Coast",
    "Country",
    "Daughter",
    "Door",
    "Engine",
    "Express",
    "Fields",
    "Fire",
    "Forest",
    "Game",
    "Garden",
    "Harbour",
    "Heart",
    "Horizon",
    "Hotel",
    "House",
    "Island",
    "Journey",
    "Kingdom",
    "Letters",
    "Light",
    "Machine",
    "Market",
    "Memory",
    "Mirror",
    "Mountain",
    "Night",
    "Ocean",
    "Orchestra",
    "Promise",
    "Railway",
    "River",
    "Road",
    "Season",
    "Signal",
    "Sky",
    "Song",
    "Station",
    "Storm",
    "Stranger",
    "Summer",
    "Tide",
    "Tower",
    "Witness",
];

pub(super) const GENRES: [&str; 12] = [
    "Drama",
    "Comedy",
    "Action",
    "Thriller",
    "Documentary",
    "Romance",
    "Sci-Fi",
    "Horror",
    "Animation",
    "Crime",
    "Family",
    "Fantasy",
];

pub(super) const LANGUAGES: [&str; 10] = [
    "English",
    "Spanish",
    "Hindi",
    "French",
    "Japanese",
    "Korean",
    "Portuguese",
    "German",
    "Italian",
    "Romanian",
];

pub(super) const DEVICES: [&str; 5] = ["smart_tv", "mobile", "desktop", "tablet", "console"];

/// Plans with their monthly prices in cents.
pub(super) const PLANS: [(&str, u64); 3] =
    [("Basic", 799), ("Standard", 1_299), ("Premium", 1_799)];

pub(super) const METHODS: [&str; 4] = ["credit_card", "paypal", "gift_card", "bank_transfer"];

/// How much is watched in each hour of the day.
pub(super) const HOURS: [u64; 24] = [
    20, 12, 8, 5, 4, 4, 6, 10, 12, 12, 13, 14, 18, 18, 17, 18, 22, 30, 42, 55, 62, 60, 48, 32,
];

/// Where users come from.
pub(super) const CHANNELS: [&str; 5] = [
    "Organic",
    "Paid Search",
    "Social Media",
    "Referral",
    "Partner",
];
