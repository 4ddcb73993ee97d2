// Package tokenizer turns text into a model's tokens and back, by the vocabulary in its GGUF file.
package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"burble/gguf"
)

// Tokenizer holds a vocabulary and the rules that go with it. It is safe for use by several goroutines.
type Tokenizer struct {
	model       *model
	pre         preTokenizer
	special     *specials // control, unknown and user-defined tokens
	user        *specials // user-defined tokens only
	spacePrefix bool      // a space goes in front of a text and of what follows a special token
	squeeze     bool      // runs of spaces become one, those at the ends none
	stripAfter  map[int32]bool

	warning string

	bos, eos       int32 // -1: none
	addBOS, addEOS bool
	eog            map[int32]bool

	mu      sync.Mutex
	encoder *encoder // kept for its cache; guarded by mu
}

// Options say how Encode treats special tokens.
type Options struct {
	// Special recognises control tokens in the text, as a rendered template needs. Without it, text that looks like
	// one is just text. User-defined tokens are recognised either way.
	Special bool
	// AddSpecial puts the BOS token in front and the EOS token at the end, as the file says. A rendered template
	// mostly has its own.
	AddSpecial bool
}

// ErrNoVocabulary is in the error of New for a file without a vocabulary. Such a model runs on token ids only.
var ErrNoVocabulary = errors.New("the file has no vocabulary: it can be run on token ids, but to chat use a file of a language model with its tokenizer")

// New makes the tokenizer of a model file. An error says what the file lacks, or which kind of vocabulary it is
// that Burble doesn't know.
func New(md *gguf.Metadata) (*Tokenizer, error) {
	kind, ok := md.String("tokenizer.ggml.model")
	if !ok {
		return nil, fmt.Errorf("tokenizer: no tokenizer.ggml.model: %w", ErrNoVocabulary)
	}
	t := &Tokenizer{bos: -1, eos: -1}
	if err := t.load(md, kind); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

func (t *Tokenizer) load(md *gguf.Metadata, kind string) error {
	pre, _ := md.String("tokenizer.ggml.pre")
	switch kind {
	case "llama":
	case "gpt2":
		if pre == "" {
			pre = "default"
			t.warning = "The model's file does not say how its vocabulary cuts text (tokenizer.ggml.pre is missing), so the answers may be worse than the model's: download a newer conversion of it."
		}
	case "gemma4":
		pre = "gemma4"
	case "none", "no_vocab":
		return ErrNoVocabulary
	case "bert", "t5", "rwkv", "plamo2", "hybriddna", "whitespace":
		return fmt.Errorf("vocabularies of the kind %q are not supported: use a model with a BPE (gpt2, gemma4) or SentencePiece (llama) one", kind)
	default:
		return fmt.Errorf("unknown kind of vocabulary %q: use a newer Burble or a model with a BPE (gpt2, gemma4) or SentencePiece (llama) one", kind)
	}
	var err error
	if pre != "" && kind != "llama" {
		if t.pre, err = preTokenizerFor(pre); err != nil {
			return err
		}
	}
	v, err := loadVocabulary(md)
	if err != nil {
		return err
	}
	if kind == "llama" {
		t.model, err = newScores(v)
		t.spacePrefix, t.pre.addBOS = true, true
	} else {
		t.model, err = newMerges(v, md, !t.pre.raw)
	}
	if err != nil {
		return err
	}
	if b, ok := md.Bool("tokenizer.ggml.add_space_prefix"); ok {
		t.spacePrefix = b && !t.model.byteLevel
	}
	if b, ok := md.Bool("tokenizer.ggml.remove_extra_whitespaces"); ok {
		t.squeeze = b && t.model.byScore
	}
	t.loadSpecial(md, kind)
	t.special = newSpecials(v, isSpecial)
	t.user = newSpecials(v, func(k tokenKind) bool { return k == kindUser })
	return nil
}

// Encode returns the tokens of a text. Bytes that are not UTF-8 are read as U+FFFD, except where a SentencePiece
// vocabulary has tokens for them.
func (t *Tokenizer) Encode(text string, o Options) []int32 {
	e := t.lockEncoder()
	defer t.unlockEncoder(e)
	// Three to four bytes a token is usual.
	e.out = make([]int32, 0, len(text)/3+8)
	if o.AddSpecial && t.addBOS && t.bos >= 0 {
		e.out = append(e.out, t.bos)
	}
	find := t.user
	if o.Special {
		find = t.special
	}
	afterSpecial := true // the text's beginning counts as one
	for i := 0; i < len(text); {
		start, end, id, found := find.next(text, i)
		if !found {
			e.text(text[i:], afterSpecial)
			break
		}
		if start > i {
			e.text(text[i:start], afterSpecial)
		}
		e.out = append(e.out, id)
		afterSpecial = true
		i = end
		if t.stripAfter[id] {
			i += len(text[i:]) - len(strings.TrimLeft(text[i:], " \t\n\v\f\r"))
		}
	}
	if o.AddSpecial && t.addEOS && t.eos >= 0 {
		e.out = append(e.out, t.eos)
	}
	out := e.out
	e.out = nil
	return out
}

// lockEncoder returns the shared encoder, or a new one while that is in use.
func (t *Tokenizer) lockEncoder() *encoder {
	if !t.mu.TryLock() {
		return newEncoder(t)
	}
	if t.encoder == nil {
		t.encoder = newEncoder(t)
	}
	return t.encoder
}

func (t *Tokenizer) unlockEncoder(e *encoder) {
	e.merger.release()
	if e == t.encoder {
		t.mu.Unlock()
	}
}

// validUTF8 replaces each byte that is no part of a character with U+FFFD.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// Warning returns a sentence for the user about what the file leaves open, or nothing.
func (t *Tokenizer) Warning() string { return t.warning }

// Size returns the number of tokens.
func (t *Tokenizer) Size() int { return len(t.model.tokens) }

// Token returns a token as the vocabulary spells it: with Ġ or ▁ for a space, and with its own text for a control
// token. It is empty for an id that doesn't exist. Decode gives readable text.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.model.tokens) {
		return ""
	}
	return t.model.tokens[id]
}

// ID returns the token that the vocabulary spells so.
func (t *Tokenizer) ID(token string) (int32, bool) {
	id := t.model.find(token)
	return id, id >= 0
}

// BOS returns the token that begins a text, if the vocabulary has one.
func (t *Tokenizer) BOS() (int32, bool) { return t.bos, t.bos >= 0 }

// EOS returns the token that ends a text, if the vocabulary has one.
func (t *Tokenizer) EOS() (int32, bool) { return t.eos, t.eos >= 0 }

// BOSText returns the text of the BOS token for templates, or nothing.
func (t *Tokenizer) BOSText() string { return t.Token(t.bos) }

// EOSText returns the text of the EOS token for templates, or nothing.
func (t *Tokenizer) EOSText() string { return t.Token(t.eos) }

// AddsBOS says whether Encode with AddSpecial puts a BOS token in front.
func (t *Tokenizer) AddsBOS() bool { return t.addBOS && t.bos >= 0 }

// IsEOG says whether a model that chooses this token has ended its answer: end of text, of turn, or of message.
func (t *Tokenizer) IsEOG(id int32) bool { return t.eog[id] }

// IsSpecial says whether a token is a control token, which has no text of its own.
func (t *Tokenizer) IsSpecial(id int32) bool {
	if id < 0 || int(id) >= len(t.model.kinds) {
		return false
	}
	k := t.model.kinds[id]
	return k == kindControl || k == kindUnknown
}
