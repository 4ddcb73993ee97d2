package tex

// units of length in ems, TeX's points being taken for a tenth.
var units = map[string]float32{"em": 1, "ex": 0.45, "mu": 1.0 / 18, "pt": 0.1, "px": 0.075, "mm": 0.2845, "cm": 2.845, "in": 7.227}

var spaces = map[string]float32{
	",": 3.0 / 18, "thinspace": 3.0 / 18, ":": 4.0 / 18, ">": 4.0 / 18, "medspace": 4.0 / 18, ";": 5.0 / 18, "thickspace": 5.0 / 18,
	"!": -3.0 / 18, "negthinspace": -3.0 / 18, "negmedspace": -4.0 / 18, "negthickspace": -5.0 / 18,
	" ": 4.0 / 18, "\n": 4.0 / 18, "space": 4.0 / 18, "enspace": 0.5, "enskip": 0.5, "quad": 1, "qquad": 2,
}

var alphabets = map[string]alphabet{
	"mathrm": roman, "mathup": roman, "symrm": roman, "mathbf": bold, "symbf": bold, "bold": bold, "mathit": italic, "mathnormal": mathItalic,
	"mathsf": sans, "mathtt": typewriter, "mathbb": blackboard, "Bbb": blackboard, "mathbbm": blackboard, "mathcal": script, "mathscr": script,
	"mathfrak": fraktur, "frak": fraktur, "boldsymbol": boldItalic, "bm": boldItalic, "pmb": boldItalic, "mathbfit": boldItalic,
}

// oldAlphabets change the alphabet until the end of the group.
var oldAlphabets = map[string]alphabet{"rm": roman, "bf": bold, "it": italic, "sf": sans, "tt": typewriter, "cal": script, "bfseries": bold, "rmfamily": roman}

var accents = map[string]accent{
	"hat": {r: '\u0302'}, "check": {r: '\u030c'}, "tilde": {r: '\u0303'}, "acute": {r: '\u0301'}, "grave": {r: '\u0300'}, "dot": {r: '\u0307'},
	"ddot": {r: '\u0308'}, "dddot": {r: '\u20db'}, "breve": {r: '\u0306'}, "bar": {r: '\u0304'}, "vec": {r: '\u20d7'}, "mathring": {r: '\u030a'},
	"widehat": {r: '\u0302', wide: true}, "widetilde": {r: '\u0303', wide: true}, "widecheck": {r: '\u030c', wide: true},
	"overrightarrow": {r: '\u20d7', wide: true}, "overleftarrow": {r: '\u20d6', wide: true}, "overleftrightarrow": {r: '\u20e1', wide: true},
}

var styleNames = map[string]level{"displaystyle": display, "textstyle": text, "scriptstyle": scriptLevel, "scriptscriptstyle": scriptScript}

// delimiterSizes are the heights that \big and its like ask for.
var delimiterSizes = map[string]float32{"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3}

var classNames = map[string]class{"rel": relation, "bin": dyadic, "ord": ordinary, "open": opening, "close": closing, "punct": punctuation, "inner": inner}

var negated = map[rune]rune{
	'=': '≠', '∈': '∉', '∋': '∌', '<': '≮', '>': '≯', '≤': '≰', '≥': '≱', '≡': '≢', '∼': '≁', '≃': '≄', '≈': '≉', '≅': '≇', '⊂': '⊄', '⊃': '⊅',
	'⊆': '⊈', '⊇': '⊉', '∃': '∄', '∣': '∤', '∥': '∦', '⊢': '⊬', '⊨': '⊭', '→': '↛', '←': '↚', '⇒': '⇏', '⇐': '⇍', '⇔': '⇎', '↔': '↮', '≺': '⊀', '≻': '⊁',
}
