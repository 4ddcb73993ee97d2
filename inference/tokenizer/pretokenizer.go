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

// Sets of characters as in regular expressions' brackets. They are escaped because many of them look like others,
// or turn into others when a tool normalises the text.
const (
	cjkDeepSeek = "\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff"
	cjkKana     = "\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff"
	cjkAFMoE    = "\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-" +
		"\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff"
	punctDeepSeek = "!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002"
	// The cased letters as of the Unicode version that DeepSeek-LLM's tokenizer.json was made with.
	casedDeepSeek = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-" +
		"\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-" +
		"\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf" +
		"\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-" +
		"\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc" +
		"\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115" +
		"\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e" +
		"\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-" +
		"\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a" +
		"\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-" +
		"\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
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
	grouped := stages(matchDigits, cased{digits: 3, tail: tailSlashes}.match)

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
				matchRuns("\uac00-\ud7a3\u3131-\u318e", "\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f", "\u3105-\u312f", cjkKana),
				cased{digits: 1, tail: tailSlashes}.match,
			}}
		},

		"deepseek-llm": stages(matchNewline, matchRanges(casedDeepSeek, true), matchRanges(punctDeepSeek, true),
			matchTrailingSpace, matchRanges(cjkDeepSeek, false), matchNumbers(0)),
		"deepseek-coder": stages(matchNewline, matchClass(letter, "", true), matchClass(punct, "", true),
			matchRanges(cjkDeepSeek, false), matchNumbers(1)),
		"deepseek-v3": deepSeek3, "hunyuan-dense": deepSeek3, "joyai-llm": deepSeek3,
		"afmoe": stages(matchThousands, matchRanges(cjkAFMoE, false), matchDeepSeek),

		"falcon":  stages(matchClass(punct, "$+<=>^~|`", false), matchGPT2, matchTriples),
		"default": stages(matchClass(punct, "$+<=>^~|", false), matchGPT2, matchNumbers(0), matchTriples),

		"bloom": bloom, "poro-chat": bloom, "gpt3-finnish": bloom, "viking": stages(matchBloom, matchNumbers(1)),

		"gemma4": gemma4, "granite-embed-multi-311m": gemma4,
		"sarvam-moe": func() preTokenizer { return preTokenizer{stages: []matcher{matchLines}, raw: true} },
	}
}
