package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/dlclark/regexp2/v2"
)

// The patterns the splitters stand for, as the models' tokenizer.json files have them, one after the other. (?i:'s)
// is written out, as ignoring case means more than ASCII in some engines; $ is \z.
const (
	reContraction = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	reGPT2        = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	reSpace       = `|\s*[\r\n]+|\s+(?!\S)|\s+`
	reLlama3      = reContraction + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` + reSpace
	reQwen2       = reContraction + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` + reSpace
	reUpper       = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	reLower       = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	reCased       = `[^\r\n\p{L}\p{N}]?` + reUpper + `*` + reLower + `+` + reContraction + `?|[^\r\n\p{L}\p{N}]?` + reUpper + `+` + reLower + `*` + reContraction + `?`
	reO200k       = reCased + `|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + reSpace
	reDeepSeek    = `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*` + reSpace
	reHanUpper    = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}-[\p{Han}]]`
	reHanLower    = `[\p{Ll}\p{Lm}\p{Lo}\p{M}-[\p{Han}]]`
	reBloom       = ` ?[^(\s|.,!?…。，、।۔،)]+`
)

var patterns = map[string][]string{
	"gpt-2":     {reGPT2},
	"starcoder": {`\p{N}`, reGPT2},
	"llama-bpe": {reLlama3},
	"glm4":      {reLlama3},
	"qwen2":     {reQwen2},
	"bailingmoe": {`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*` +
		`|\s*[\r\n]|\s+(?!\S)|\s+`},
	"qwen35":     {reContraction + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*` + reSpace},
	"seed-coder": {reContraction + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+` + reSpace},
	"exaone-moe": {reContraction + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`},
	"minicpm5":   {`\p{N}{1,3}`, reContraction + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*` + reSpace},
	"laguna":     {`[^\n]+|[\n]+`, reQwen2},
	"gpt-4o":     {reO200k},
	"tekken": {`[^\r\n\p{L}\p{N}]?` + reUpper + `*` + reLower + `+|[^\r\n\p{L}\p{N}]?` + reUpper + `+` + reLower + `*` +
		`|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + reSpace},
	"kimi-k2": {`[\p{Han}]+|[^\r\n\p{L}\p{N}]?` + reHanUpper + `*` + reHanLower + `+` + reContraction + `?|[^\r\n\p{L}\p{N}]?` + reHanUpper + `+` + reHanLower + `*` + reContraction +
		`?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*` + reSpace},
	"tiny_aya": {`\d{1,3}(?=(?:\d{3})*(?![\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}]))`, reO200k},
	"youtu": {"[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
		reCased + `|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*` + reSpace},
	"deepseek-llm": {`[\r\n]`, `\s?[` + casedDeepSeek + `]+`, `\s?[` + punctDeepSeek + `]+`, `\s+\z`,
		`[` + cjkDeepSeek + `]+`, `\p{N}+`},
	"deepseek-coder": {`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, `[` + cjkDeepSeek + `]+`, `\p{N}`},
	"deepseek-v3":    {`\p{N}{1,3}`, `[` + cjkKana + `]+`, reDeepSeek},
	"afmoe":          {"", `[` + cjkAFMoE + `]+`, reDeepSeek},
	"falcon":         {"[\\p{P}\\$\\+<=>\\^~\\|`]+", reGPT2, `[0-9][0-9][0-9]`},
	"default":        {`[\p{P}\$\+<=>\^~\|]+`, reGPT2, `\p{N}+`, `[0-9][0-9][0-9]`},
	"bloom":          {reBloom},
	"viking":         {reBloom, `\p{N}`},
	"gemma4":         {`[^\n]+|[\n]+`},
}

// regexSplit cuts text by regular expressions.
func regexSplit(t *testing.T, text string, res []*regexp2.Regexp) []string {
	pieces := []string{text}
	for _, re := range res {
		if re == nil {
			continue
		}
		var next []string
		add := func(r []rune) {
			if len(r) > 0 {
				next = append(next, string(r))
			}
		}
		for _, p := range pieces {
			runes := []rune(p)
			at := 0
			m, err := re.FindStringMatch(p)
			for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
				add(runes[at:m.RuneIndex])
				add(runes[m.RuneIndex : m.RuneIndex+m.RuneLength])
				at = m.RuneIndex + m.RuneLength
			}
			if err != nil {
				t.Fatal(err)
			}
			add(runes[at:])
		}
		pieces = next
	}
	return pieces
}

// tricky are parts that the patterns tell apart or that engines disagree on.
var tricky = []string{
	"a", "b", "Z", "Q", "word", "Word", "WORD", "WOrd", "é", "É", "ß", "ǅ", "ʰ", "ª", "中", "文字", "ひらがな", "カタカナ", "한국어", "ㄱ", "ㄅ", "عرب", "ไทย", "हिन्दी",
	"\u0301", "\u093f", "\u0483", "n\u0303", "\u20dd", "1", "22", "333", "4444", "1234567", "½", "٣", "Ⅷ", "〇", "一", "々", "𝟘", "10000a", "12_", "99\u0301",
	"'s", "'S", "'t", "'re", "'RE", "'vE", "'ll", "'LL", "'d", "'m", "'x", "'", "''", "’s", "'l", "'ſ",
	" ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", " \n", "\n ", "\v", "\f", "\u00a0", "\u3000", "\u2028", "\u0085", "\u1680", "\u200b", "\u200d", "\ufeff",
	".", ",", "!", "?", "...", "/", "//", "$", "+", "<", ">", "=", "^", "~", "|", "`", "_", "-", "--", "(", ")", "{", "}", "\"", "#", "@", "%", "&", "*", "\\", "…", "。", "，", "、", "।", "“", "”", "—", "：", "！", "～", "٪",
	"€", "©", "→", "😀", "👩\u200d🚀", "🇩🇪", "\x00", "\x7f", "\u0378", "\ue000", "\U000e0041", "\U0010ffff", "𐐀", "𐐨", "Ａ", "ｚ", "￿",
}

func trickyText(rng *rand.Rand) string {
	var b strings.Builder
	for range 1 + rng.IntN(14) {
		if rng.IntN(12) == 0 {
			if r := rune(rng.IntN(0x3000)); utf8Valid(r) {
				b.WriteRune(r)
			}
			continue
		}
		b.WriteString(tricky[rng.IntN(len(tricky))])
	}
	return b.String()
}

func utf8Valid(r rune) bool { return r < 0xd800 || r > 0xdfff }

func TestSplittersAgainstPatterns(t *testing.T) {
	rounds := 1500
	if testing.Short() {
		rounds = 300
	}
	for name, exprs := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pre, err := preTokenizerFor(name)
			if err != nil {
				t.Fatal(err)
			}
			res := make([]*regexp2.Regexp, len(exprs))
			for i, e := range exprs {
				if e != "" {
					res[i] = regexp2.MustCompile(e)
				}
			}
			skip := 0
			if exprs[0] == "" {
				skip = 1 // no regular expression says what its first stage does
			}
			rng := rand.New(rand.NewPCG(11, 12))
			bad := 0
			for range rounds {
				text := trickyText(rng)
				var got []string
				split(text, pre.stages[skip:], func(p string) { got = append(got, p) })
				want := regexSplit(t, text, res)
				if !slices.Equal(got, want) {
					if bad++; bad <= 3 {
						t.Errorf("%q\n got %q\nwant %q", text, got, want)
					}
				}
			}
			if bad > 0 {
				t.Errorf("%d of %d texts differ", bad, rounds)
			}
		})
	}
}

// Every known name has rules that are one of the patterns above, or are tested on their own.
func TestPreTokenizersCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	for _, name := range preTokenizerNames() {
		pre, err := preTokenizerFor(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			text := trickyText(rng)
			var b strings.Builder
			split(text, pre.stages, func(p string) {
				if p == "" {
					t.Fatalf("%s: an empty piece of %q", name, text)
				}
				b.WriteString(p)
			})
			if b.String() != text {
				t.Fatalf("%s: %q comes out as %q", name, text, b.String())
			}
		}
	}
	if _, err := preTokenizerFor("klingon"); err == nil || !strings.Contains(err.Error(), "klingon") || !strings.Contains(err.Error(), "qwen2") {
		t.Errorf("an unknown pre-tokenizer: %v", err)
	}
}

func TestThousands(t *testing.T) {
	for text, want := range map[string][]string{
		"1234567": {"1", "234", "567"}, "12": {"12"}, "123456": {"123", "456"}, "a1234b12345": {"a", "1", "234", "b", "12", "345"},
	} {
		var got []string
		split(text, []matcher{matchThousands}, func(p string) { got = append(got, p) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// No splitter may take quadratic time over text that never matches or always does.
func TestSplittersAreLinear(t *testing.T) {
	const size = 1 << 18
	for _, name := range preTokenizerNames() {
		pre, err := preTokenizerFor(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, part := range map[string]string{
			"spaces": " ", "tabs": "\t", "newlines": "\n", "digits": "7", "capitals": "A", "letters": "a", "signs": "!", "quotes": "'",
			"controls": "\x00", "marks": "\u0301", "han": "中", "mixed": "中A", "space and digit": " 7", "fullwidth": "！", "wide space": "\u3000",
		} {
			text := strings.Repeat(part, size/len(part)) + "x"
			start := time.Now()
			n := 0
			split(text, pre.stages, func(p string) { n += len(p) })
			// A quadratic one would take minutes; a linear one takes some 10 ms, and under the race detector on a busy machine a second.
			if took := time.Since(start); took > 15*time.Second || n != len(text) {
				t.Errorf("%s: %d bytes of %s took %v and gave %d", name, len(text), what, took, n)
			}
		}
	}
}

func TestClasses(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		var want class
		for _, p := range classTables() {
			if unicode.Is(p.table, r) {
				want |= p.class
			}
		}
		if got := classOf(r); got != want {
			t.Fatalf("%U: got %08b, want %08b", r, got, want)
		}
	}
}
