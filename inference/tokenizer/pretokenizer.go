package tokenizer

import (
	"fmt"
	"sort"
	"strings"
)

// preTokenizer says how a byte-level BPE vocabulary wants text to be cut before merging. The names are the values
// of tokenizer.ggml.pre, which llama.cpp's converter gives (src/llama-vocab.cpp lists them); the patterns are those
// of the models' tokenizer.json files.
type preTokenizer struct {
	stages       []matcher
	ignoreMerges bool // a piece that is a token stays whole, whatever the merges say
	addBOS       bool // unless the file says otherwise
	forceBOS     bool // whatever the file says
	raw          bool // symbols are characters with ▁ for the space, not bytes in GPT-2's alphabet
	wholeLines   bool // a run of newlines that is a token stays whole
}

const (
	cjkDeepSeek = "一-龥\u0800-一가-\ud7ff"
	cjkKana     = "一-龥\u3040-ゟ゠-ヿ"
	// The cased letters as of the Unicode version that DeepSeek-LLM's tokenizer.json was made with.
	casedDeepSeek = "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
	punctDeepSeek = "!-/:-~！-／：-～‘-‟\u3000-。"
	cjkAFMoE      = "一-鿿㐀-䶿豈-﫿\u3040-ゟ゠-ヿ･-ﾟ⼀-⿟เ-\u0e7f\u0e80-\u0effក-\u17ffက-႟ꩠ-ꩿꧠ-\ua9ff가-\ud7afᄀ-ᇿ"
)

// preTokenizerFor returns the rules of a tokenizer.ggml.pre.
func preTokenizerFor(name string) (preTokenizer, error) {
	build, ok := preTokenizers()[name]
	if !ok {
		return preTokenizer{}, fmt.Errorf("unknown pre-tokenizer %q: the text would be cut in the wrong places; use a newer Burble or a model with one of %s",
			name, strings.Join(preTokenizerNames(), ", "))
	}
	return build(), nil
}

func preTokenizerNames() []string {
	var names []string
	for name := range preTokenizers() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func stages(s ...matcher) func() preTokenizer {
	return func() preTokenizer { return preTokenizer{stages: s} }
}

func preTokenizers() map[string]func() preTokenizer {
	gpt2 := stages(matchGPT2)
	digits := stages(matchNumbers(1), matchGPT2)
	llama3 := func() preTokenizer {
		return preTokenizer{stages: []matcher{words{digits: 3}.match}, ignoreMerges: true, addBOS: true}
	}
	cl100k := stages(words{digits: 3}.match)
	qwen2 := stages(words{digits: 1}.match)
	o200k := stages(cased{digits: 3, tail: tailSlashes}.match)
	deepSeek3 := stages(matchNumbers(3), matchRanges(cjkKana, false), matchDeepSeek)
	gemma4 := func() preTokenizer {
		return preTokenizer{stages: []matcher{matchLines}, raw: true, wholeLines: true, forceBOS: true}
	}
	bloom := stages(matchBloom)
	grouped := stages(matchThousands, cased{digits: 3, tail: tailSlashes}.match)

	return map[string]func() preTokenizer{
		"gpt-2": gpt2, "phi-2": gpt2, "mpt": gpt2, "olmo": gpt2, "jais": gpt2, "trillion": gpt2,
		"granite-docling": gpt2, "gigachat": gpt2, "a.x-4.0": gpt2, "mellum": gpt2, "exaone4": gpt2,
		"modern-bert": gpt2, "jina-es": gpt2, "jina-de": gpt2, "jina-v2-es": gpt2, "jina-v2-de": gpt2,

		"starcoder": digits, "refact": digits, "command-r": digits, "smollm": digits, "codeshell": digits,
		"exaone": digits, "minerva-7b": digits, "mellum2": digits,

		"llama3": llama3, "llama-v3": llama3, "llama-bpe": llama3, "falcon3": llama3, "falcon-h1": llama3,
		"pixtral": llama3, "midm-2.0": llama3, "lfm2": llama3, "jina-v5-nano": llama3,
		"dbrx": cl100k, "smaug-bpe": cl100k, "glm4": cl100k, "chatglm-bpe": cl100k,

		"qwen2": qwen2, "stablelm2": qwen2, "deepseek-r1-qwen": qwen2, "kormo": qwen2, "f2llmv2": qwen2,
		"megrez": qwen2, "hunyuan": qwen2, "solar-open": qwen2, "grok-2": qwen2,
		// Their \s*[\r\n] ends at the last newline as well, and the contractions are the same ones.
		"bailingmoe": qwen2, "bailingmoe2": qwen2, "llada-moe": qwen2,
		"qwen35":     stages(words{digits: 1, marks: true}.match),
		"seed-coder": stages(words{digits: 1, tail: tailNone}.match),
		"exaone-moe": stages(words{digits: 1, tail: tailOne, phrases: true}.match),
		"minicpm5": func() preTokenizer {
			return preTokenizer{stages: []matcher{matchNumbers(3), words{}.match}, ignoreMerges: true}
		},
		"laguna": stages(matchLines, words{digits: 1}.match),

		"gpt-4o": o200k, "o200k": o200k, "llama4": o200k, "kanana2": o200k, "talkie": o200k, "minimax-m2": o200k,
		"tekken": func() preTokenizer {
			return preTokenizer{stages: []matcher{cased{digits: 1, plain: true, tail: tailSlashes}.match}, ignoreMerges: true, addBOS: true}
		},
		"kimi-k2": stages(cased{digits: 3, han: true}.match),
		"granite-embed-multi-97m": func() preTokenizer {
			return preTokenizer{stages: []matcher{cased{digits: 3, tail: tailSlashes}.match}, ignoreMerges: true}
		},
		"tiny_aya": grouped, "cohere2moe": grouped,
		"youtu": func() preTokenizer {
			return preTokenizer{ignoreMerges: true, stages: []matcher{
				matchRuns("가-힣ㄱ-ㆎ", "！…“”‘’—：；，、-〿︰-﹏", "ㄅ-ㄯ", cjkKana),
				cased{digits: 1, tail: tailSlashes}.match,
			}}
		},

		"deepseek-llm": stages(matchNewline, matchRanges(casedDeepSeek, true), matchRanges(punctDeepSeek, true),
			matchTrailingSpace, matchRanges(cjkDeepSeek, false), matchNumbers(0)),
		"deepseek-coder": stages(matchNewline, matchClass(letter, "", true), matchClass(punct, "", true),
			matchRanges(cjkDeepSeek, false), matchNumbers(1)),
		"deepseek-v3": deepSeek3, "hunyuan-dense": deepSeek3, "joyai-llm": deepSeek3,
		"afmoe": stages(matchThousands, matchRanges(cjkAFMoE, false), matchDeepSeek),

		"falcon":   stages(matchClass(punct, "$+<=>^~|`", false), matchGPT2, matchTriples),
		"default":  stages(matchClass(punct, "$+<=>^~|", false), matchGPT2, matchNumbers(0), matchTriples),
		"superbpe": stages(matchThousands),

		"bloom": bloom, "poro-chat": bloom, "gpt3-finnish": bloom, "viking": stages(matchBloom, matchNumbers(1)),

		"gemma4": gemma4, "granite-embed-multi-311m": gemma4,
		"sarvam-moe": func() preTokenizer { return preTokenizer{stages: []matcher{matchLines}, raw: true} },
	}
}
