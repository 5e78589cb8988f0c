// Made from contracts/pathline/rows by `make schemas`: change it there.
export const NOTHING = ["null", "(null)", "<null>", "nan", "-nan", "+nan", "nat", "<na>", "none", "<none>", "(none)", "nil", "undefined", "n/a", "#n/a", "#na", "#n/a n/a", "-1.#ind", "1.#ind", "-1.#qnan", "1.#qnan", "#null!", "#ref!", "#value!", "#div/0!", "#name?", "#num!", "#spill!", "#calc!", "#error!", "#getting_data", "(blank)", "<blank>", "(empty)", "no data", "no value", "not applicable", "not available", "[object object]", "\\n"];
export const UNCERTAIN = ["na", "n.a.", "n.a", "unknown", "not known", "missing", "blank", "empty", "inf", "-inf", "infinity"];
export const ROUNDED = "[+-]?[0-9][.,]?[0-9]*[Ee]\\+[0-9]{1,3}";
export const IGNORABLE = "\\u{34f}\\u{115f}\\u{1160}\\u{17b4}\\u{17b5}\\u{180b}-\\u{180f}\\u{2065}\\u{3164}\\u{fe00}-\\u{fe0f}\\u{ffa0}\\u{fff0}-\\u{fff8}\\u{e0000}-\\u{e0fff}";
export const LETTERS = {"\u00df": "ss", "\u00e6": "ae", "\u0153": "oe", "\u00f8": "o", "\u0111": "d", "\u00f0": "d", "\u00fe": "th", "\u0142": "l", "\u0127": "h", "\u0131": "i", "\u014b": "n", "\u0167": "t", "\u0138": "k"};
export const MAX_CODE_CHARACTERS = 64;
export const MAX_ACTIVITY_CHARACTERS = 200;
export const CHANNELS = ["web", "phone", "in-person", "message", "video", "social-media", "letter", "app", "outreach", "partner"];
export const BIRTH = "(?:^|[^a-z])(?:dob|d\\.o\\.b\\.?)(?:$|[^a-z])|birth|born|geburt|geboren|geboorte|naissance|nacimiento|nascimento|nascita";
export const OLD_DAYS = 731;
export const PLACE_DIGITS = 6;
