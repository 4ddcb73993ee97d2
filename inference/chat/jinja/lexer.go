package jinja

import (
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokVariableBegin
	tokVariableEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokNumber
	tokOperator
)

type token struct {
	kind  tokenKind
	text  string // data, a name, an operator, or a string's value
	value any    // of a number
	line  int
}

// lexer cuts a template into tokens. The rules for white space are Jinja's with trim_blocks and lstrip_blocks on:
// a newline right after a block or comment goes, and so does white space between the start of a line and a block
// or comment; a minus sign inside a tag strips all white space on its side, a plus sign keeps it.
type lexer struct {
	src       string
	pos       int
	line      int
	counted   int  // bytes of src whose newlines are in line
	lineStart bool // the last thing consumed ended in a newline, or nothing was consumed yet
	tokens    []token
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// lex cuts src into tokens; the last one is tokEOF. It throws a *TemplateError.
func lex(src string) []token {
	src = strings.TrimSuffix(newlines.Replace(src), "\n")
	lx := &lexer{src: src, line: 1, lineStart: true}
	for lx.pos < len(lx.src) {
		lx.root()
	}
	lx.emit(token{kind: tokEOF})
	return lx.tokens
}

func (lx *lexer) fail(message string) {
	lx.countLines()
	panic(&TemplateError{Kind: Syntax, Message: message, Line: lx.line})
}

func (lx *lexer) countLines() {
	if lx.pos > lx.counted {
		lx.line += strings.Count(lx.src[lx.counted:lx.pos], "\n")
		lx.counted = lx.pos
	}
}

func (lx *lexer) emit(t token) {
	lx.countLines()
	t.line = lx.line
	lx.tokens = append(lx.tokens, t)
}

// root reads text up to the next tag, and that tag.
func (lx *lexer) root() {
	rest := lx.src[lx.pos:]
	at := nextTag(rest)
	if at < 0 {
		lx.emit(token{kind: tokData, text: rest})
		lx.pos = len(lx.src)
		return
	}
	text, kind := rest[:at], rest[at+1]
	sign := byte(0)
	open := 2
	if at+2 < len(rest) && (rest[at+2] == '-' || rest[at+2] == '+') {
		sign, open = rest[at+2], 3
	}
	lx.data(text, sign, kind != '{')
	lx.pos += at
	lx.countLines()
	if kind == '%' {
		if end := rawBegin(rest[at+open:]); end >= 0 {
			lx.pos += open + end
			lx.lineStart = strings.HasSuffix(lx.src[:lx.pos], "\n")
			lx.raw()
			return
		}
	}
	lx.pos += open
	lx.lineStart = false
	switch kind {
	case '#':
		lx.comment()
	case '%':
		lx.emit(token{kind: tokBlockBegin})
		lx.inside(tokBlockEnd)
	default:
		lx.emit(token{kind: tokVariableBegin})
		lx.inside(tokVariableEnd)
	}
}

// nextTag finds the first "{{", "{%" or "{#".
func nextTag(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '{')
		if i < 0 || from+i+1 >= len(s) {
			return -1
		}
		from += i
		if c := s[from+1]; c == '{' || c == '%' || c == '#' {
			return from
		}
		from++
	}
}

// data emits the text before a tag that begins with sign.
func (lx *lexer) data(text string, sign byte, block bool) {
	if sign == '-' {
		text = strings.TrimRightFunc(text, isSpace)
	} else if sign != '+' && block {
		from := strings.LastIndexByte(text, '\n') + 1
		if (from > 0 || lx.lineStart) && strings.TrimLeftFunc(text[from:], isSpace) == "" {
			text = text[:from]
		}
	}
	if text != "" {
		lx.emit(token{kind: tokData, text: text})
	}
}

// closeTag consumes a tag's end at the current position: the sign, the two closing bytes, and the white space after
// it that the sign or trim_blocks strips. It reports whether there was one.
func (lx *lexer) closeTag(closing string) bool {
	s := lx.src[lx.pos:]
	switch {
	case strings.HasPrefix(s, closing):
		lx.pos += 2
		if closing != "}}" && strings.HasPrefix(s[2:], "\n") {
			lx.pos++
		}
	case len(s) > 2 && s[0] == '-' && s[1:3] == closing:
		lx.pos += 3
		lx.skipSpace()
	case len(s) > 2 && s[0] == '+' && s[1:3] == closing && closing != "}}":
		lx.pos += 3
	default:
		return false
	}
	lx.lineStart = lx.src[lx.pos-1] == '\n'
	return true
}

func (lx *lexer) skipSpace() {
	rest := lx.src[lx.pos:]
	lx.pos += len(rest) - len(strings.TrimLeftFunc(rest, isSpace))
}

func (lx *lexer) comment() {
	i := strings.Index(lx.src[lx.pos:], "#}")
	if i < 0 && lx.pos == len(lx.src) {
		return
	}
	if i < 0 {
		lx.fail("a comment isn't closed: #} is missing")
	}
	if i > 0 {
		if c := lx.src[lx.pos+i-1]; c == '-' || c == '+' {
			i--
		}
	}
	lx.pos += i
	lx.closeTag("#}")
}

// rawBegin measures the rest of a raw tag in s, which follows "{%" and its sign; -1 if it is another tag.
func rawBegin(s string) int {
	t, ok := strings.CutPrefix(strings.TrimLeftFunc(s, isSpace), "raw")
	if !ok {
		return -1
	}
	t = strings.TrimLeftFunc(t, isSpace)
	if u, ok := strings.CutPrefix(t, "-%}"); ok {
		return len(s) - len(strings.TrimLeftFunc(u, isSpace))
	}
	if u, ok := strings.CutPrefix(t, "%}"); ok {
		return len(s) - len(u)
	}
	return -1
}

func (lx *lexer) raw() {
	for from := lx.pos; ; {
		i := strings.Index(lx.src[from:], "{%")
		if i < 0 && lx.pos == len(lx.src) {
			return
		}
		if i < 0 {
			lx.fail("a raw block isn't closed: {% endraw %} is missing")
		}
		at := from + i
		from = at + 2
		s, sign := lx.src[from:], byte(0)
		if s != "" && (s[0] == '-' || s[0] == '+') {
			sign, s = s[0], s[1:]
		}
		s, ok := strings.CutPrefix(strings.TrimLeftFunc(s, isSpace), "endraw")
		if !ok {
			continue
		}
		text, before, atStart := lx.src[lx.pos:at], lx.pos, lx.lineStart
		lx.pos = len(lx.src) - len(strings.TrimLeftFunc(s, isSpace))
		if !lx.closeTag("%}") {
			lx.pos = before
			continue
		}
		atStartAfter := lx.lineStart
		lx.lineStart = atStart
		lx.data(text, sign, true)
		lx.lineStart = atStartAfter
		return
	}
}

// operators, longest first.
var operators = []string{"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

// inside reads the tokens of a tag up to its end.
func (lx *lexer) inside(end tokenKind) {
	closing := "%}"
	if end == tokVariableEnd {
		closing = "}}"
	}
	var open []byte // brackets still open; a tag cannot end inside them
	for {
		lx.skipSpace()
		if lx.pos >= len(lx.src) {
			lx.fail("the template ends inside a tag")
		}
		if len(open) == 0 {
			lx.countLines()
			if lx.closeTag(closing) {
				lx.tokens = append(lx.tokens, token{kind: end, line: lx.line})
				return
			}
		}
		s := lx.src[lx.pos:]
		switch c := s[0]; {
		case c == '\'' || c == '"':
			lx.stringToken()
		case c >= '0' && c <= '9':
			lx.number()
		default:
			if r, _ := utf8.DecodeRuneInString(s); r == '_' || unicode.IsLetter(r) {
				lx.name()
				continue
			}
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(s, o) {
					op = o
					break
				}
			}
			switch op {
			case "":
				r, _ := utf8.DecodeRuneInString(s)
				lx.fail("unexpected character " + strconv.QuoteRune(r))
			case "(", "[", "{":
				open = append(open, op[0])
			case ")", "]", "}":
				if len(open) == 0 || !pairs(open[len(open)-1], op[0]) {
					lx.fail("unexpected '" + op + "'")
				}
				open = open[:len(open)-1]
			}
			lx.emit(token{kind: tokOperator, text: op})
			lx.pos += len(op)
		}
	}
}

func pairs(open, shut byte) bool {
	return open == '(' && shut == ')' || open == '[' && shut == ']' || open == '{' && shut == '}'
}

func (lx *lexer) name() {
	s := lx.src[lx.pos:]
	n := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
	})
	if n < 0 {
		n = len(s)
	}
	lx.emit(token{kind: tokName, text: s[:n]})
	lx.pos += n
}

// number reads an integer (decimal, 0x, 0o, 0b) or a float, with underscores between digits.
func (lx *lexer) number() {
	s := lx.src[lx.pos:]
	digits := func(i int, ok func(byte) bool) int {
		for i < len(s) && (ok(s[i]) || s[i] == '_' && i+1 < len(s) && ok(s[i+1])) {
			i++
		}
		return i
	}
	decimal := func(c byte) bool { return c >= '0' && c <= '9' }
	hex := func(c byte) bool { return decimal(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
	n, isFloat := 0, false
	if len(s) > 2 && s[0] == '0' && strings.IndexByte("xXoObB", s[1]) >= 0 && hex(s[2]) {
		n = digits(2, hex)
	} else {
		n = digits(0, decimal)
		afterDot := lx.pos > 0 && lx.src[lx.pos-1] == '.'
		if !afterDot {
			if n+1 < len(s) && s[n] == '.' && decimal(s[n+1]) {
				n, isFloat = digits(n+1, decimal), true
			}
			if n < len(s) && s[n]|0x20 == 'e' {
				e := n + 1
				if e < len(s) && (s[e] == '+' || s[e] == '-') {
					e++
				}
				if e < len(s) && decimal(s[e]) {
					n, isFloat = digits(e, decimal), true
				}
			}
		}
	}
	text := strings.ReplaceAll(s[:n], "_", "")
	var value any
	if isFloat {
		f, _ := strconv.ParseFloat(text, 64) // out of range gives an infinity, as in Python
		value = f
	} else if strings.TrimLeft(text, "0123456789") == "" {
		value = parseInteger(text)
	} else if i, err := strconv.ParseInt(text, 0, 64); err == nil {
		value = int(i)
	}
	if value == nil {
		lx.fail("invalid number " + text)
	}
	lx.emit(token{kind: tokNumber, text: text, value: value})
	lx.pos += n
}

// parseInteger reads decimal digits, with a sign: an int, or a *big.Int where that is too small; nil if it's neither.
func parseInteger(text string) any {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return int(i)
	}
	if len(text) <= 400 {
		if b, ok := new(big.Int).SetString(text, 10); ok {
			return b
		}
	}
	return nil
}

func (lx *lexer) stringToken() {
	s := lx.src[lx.pos:]
	end := 1
	for end < len(s) && s[end] != s[0] {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s) {
		lx.fail("a string isn't closed")
	}
	value, ok := unescape(s[1:end])
	if !ok {
		lx.fail("invalid escape in the string " + s[:end+1])
	}
	lx.emit(token{kind: tokString, text: value})
	lx.pos += end + 1
}

// unescape resolves backslashes as in a Python string literal; unknown escapes stay as they are.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'a':
			b.WriteByte('\a')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'v':
			b.WriteByte('\v')
		case 'N':
			return "", false
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			r, ok := hexRune(s[i+1:], n)
			if !ok {
				return "", false
			}
			i += n
			if r >= 0xD800 && r < 0xDC00 && strings.HasPrefix(s[i+1:], "\\u") {
				if low, ok := hexRune(s[i+3:], 4); ok && low >= 0xDC00 && low < 0xE000 {
					r = 0x10000 + (r-0xD800)<<10 + low - 0xDC00
					i += 6
				}
			}
			b.WriteRune(r)
		default:
			if c < '0' || c > '7' {
				b.WriteByte('\\')
				b.WriteByte(c)
				continue
			}
			r := rune(0)
			for k := 0; k < 3 && i < len(s) && s[i] >= '0' && s[i] <= '7'; k++ {
				r = r*8 + rune(s[i]-'0')
				i++
			}
			i--
			b.WriteRune(r)
		}
	}
	return b.String(), true
}

func hexRune(s string, n int) (rune, bool) {
	if len(s) < n {
		return 0, false
	}
	v, err := strconv.ParseUint(s[:n], 16, 32)
	return rune(v), err == nil && v <= unicode.MaxRune
}

// isSpace reports whether Python counts r as white space.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}
