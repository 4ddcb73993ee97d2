package inference

import (
	"encoding/hex"
	"unicode/utf8"

	"burble/inference/tokenizer"
)

// CountTokens counts the tokens of a text by the loaded model's vocabulary; !ok: there is none. It may be called from any
// goroutine and does not wait for answers.
func (e *Engine) CountTokens(text string) (n int, ok bool) {
	t := e.vocabulary.Load()
	if t == nil {
		return 0, false
	}
	return len(t.Encode(text, tokenizer.Options{})), true
}

// Tokens takes a text apart by the loaded model's vocabulary, control tokens that are written out in it included; !ok: there is
// none. The tokens have no probability. It may be called from any goroutine and does not wait for answers.
func (e *Engine) Tokens(text string) (list []Alternative, ok bool) {
	t := e.vocabulary.Load()
	if t == nil {
		return nil, false
	}
	for _, id := range t.Encode(text, tokenizer.Options{Special: true}) {
		list = append(list, Alternative{ID: id, Text: tokenName(t, id)})
	}
	return list, true
}

// TokenText returns the text of a token of the loaded model's vocabulary, as Alternative has it; !ok: there is no such token. It
// may be called from any goroutine.
func (e *Engine) TokenText(id int32) (text string, ok bool) {
	t := e.vocabulary.Load()
	if t == nil || id < 0 || int(id) >= t.Size() {
		return "", false
	}
	return tokenName(t, id), true
}

// tokenName is a token's text for people. Bytes that are no whole character are in hexadecimal digits between ‹ and ›.
func tokenName(t *tokenizer.Tokenizer, id int32) string {
	if t.IsSpecial(id) {
		return t.Token(id)
	}
	b := t.Bytes(id)
	if utf8.Valid(b) {
		return string(b)
	}
	return "‹" + hex.EncodeToString(b) + "›"
}
