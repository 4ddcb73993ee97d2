package tex

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of a formula, so that none takes long, whatever a model writes.
const (
	maxSource = 16 << 10
	maxNodes  = 6000
	maxDepth  = 48
	maxPrimes = 16
)

var (
	errTooLong = errors.New("the formula is too long")
	errTooDeep = errors.New("the formula is nested too deeply")
)

// parser reads TeX's mathematics. It knows no macros that the text defines itself.
type parser struct {
	src     string
	at      int
	depth   int
	nodes   int
	letters alphabet
	symbols map[string]symbol
	names   map[string]bool // of operators; true where they take limits
}

// token is a character or a command, which has its name in text.
type token struct {
	r       rune // 0 for a command, and at the end
	command string
	end     bool
}

func (p *parser) skipBlanks() {
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case c == '%' && (p.at == 0 || p.src[p.at-1] != '\\'):
			if n := strings.IndexByte(p.src[p.at:], '\n'); n >= 0 {
				p.at += n + 1
			} else {
				p.at = len(p.src)
			}
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			p.at++
		default:
			return
		}
	}
}

// next reads a token.
func (p *parser) next() token {
	p.skipBlanks()
	if p.at >= len(p.src) {
		return token{end: true}
	}
	r, n := utf8.DecodeRuneInString(p.src[p.at:])
	p.at += n
	if r == 0 {
		r = utf8.RuneError
	}
	if r != '\\' {
		return token{r: r}
	}
	start := p.at
	for p.at < len(p.src) && isLetter(p.src[p.at]) {
		p.at++
	}
	if p.at == start && p.at < len(p.src) {
		_, n := utf8.DecodeRuneInString(p.src[p.at:])
		p.at += n
	}
	return token{command: p.src[start:p.at]}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func (p *parser) peek() token {
	at := p.at
	t := p.next()
	p.at = at
	return t
}

func (p *parser) count() error {
	if p.nodes++; p.nodes > maxNodes {
		return errTooLong
	}
	return nil
}

// list reads atoms until stop says that the next token ends them; that token is left.
func (p *parser) list(stop func(token) bool) (list []node, err error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errTooDeep
	}
	letters := p.letters
	defer func() { p.depth--; p.letters = letters }()
	for {
		t := p.peek()
		if stop(t) {
			return list, nil
		}
		if t.end {
			return nil, errors.New("the formula ends too early")
		}
		if err := p.count(); err != nil {
			return nil, err
		}
		switch {
		case t.r == '^' || t.r == '_' || t.r == '\'' || t.command == "limits" || t.command == "nolimits" || t.command == "displaylimits":
			var base node
			if n := len(list); n > 0 {
				base, list = list[n-1], list[:n-1]
			}
			n, err := p.scripts(base)
			if err != nil {
				return nil, err
			}
			list = append(list, n)
			continue
		case t.command == "over" || t.command == "choose" || t.command == "atop" || t.command == "brace" || t.command == "brack":
			p.next()
			rest, err := p.list(stop)
			if err != nil {
				return nil, err
			}
			f := &fraction{top: list, bottom: rest, ruled: t.command == "over"}
			switch t.command {
			case "choose":
				f.left, f.right = '(', ')'
			case "brace":
				f.left, f.right = '{', '}'
			case "brack":
				f.left, f.right = '[', ']'
			}
			return []node{f}, nil
		}
		n, err := p.atom()
		if err != nil {
			return nil, err
		}
		if n != nil {
			list = append(list, n)
		}
	}
}

// scripts reads what stands above and below a base, and primes.
func (p *parser) scripts(base node) (node, error) {
	s, ok := base.(*scripts)
	if !ok {
		s = &scripts{base: base}
	}
	for {
		switch t := p.peek(); {
		case t.command == "limits":
			p.next()
			s.limits = above
		case t.command == "nolimits":
			p.next()
			s.limits = beside
		case t.command == "displaylimits":
			p.next()
			s.limits = byStyle
		case t.r == '\'':
			p.next()
			if s.primes++; s.primes > maxPrimes {
				return nil, errTooLong
			}
		case t.r == '^':
			p.next()
			list, err := p.argument()
			if err != nil {
				return nil, err
			}
			if s.sup != nil {
				return nil, errors.New("there are two superscripts")
			}
			s.sup = append([]node{}, list...)
		case t.r == '_':
			p.next()
			list, err := p.argument()
			if err != nil {
				return nil, err
			}
			if s.sub != nil {
				return nil, errors.New("there are two subscripts")
			}
			s.sub = append([]node{}, list...)
		default:
			return s, nil
		}
	}
}

// argument reads a group in braces, or one atom.
func (p *parser) argument() ([]node, error) {
	t := p.peek()
	switch {
	case t.r == '{':
		return p.group()
	case t.end || t.r == '}' || t.r == '&':
		return nil, errors.New("an argument is missing")
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errTooDeep
	}
	defer func() { p.depth-- }()
	if err := p.count(); err != nil {
		return nil, err
	}
	n, err := p.atom()
	if err != nil || n == nil {
		return nil, err
	}
	return []node{n}, nil
}

func (p *parser) group() ([]node, error) {
	p.next()
	list, err := p.list(func(t token) bool { return t.r == '}' })
	p.next()
	return list, err
}

// option reads an argument in brackets, where there is one.
func (p *parser) option() ([]node, bool, error) {
	if p.peek().r != '[' {
		return nil, false, nil
	}
	p.next()
	list, err := p.list(func(t token) bool { return t.r == ']' })
	p.next()
	return list, true, err
}

// raw reads an argument in braces as it stands.
func (p *parser) raw() (string, error) {
	p.skipBlanks()
	if p.at >= len(p.src) {
		return "", errors.New("an argument is missing")
	}
	if p.src[p.at] != '{' {
		r, n := utf8.DecodeRuneInString(p.src[p.at:])
		p.at += n
		return string(r), nil
	}
	depth := 0
	for i := p.at; i < len(p.src); i++ {
		switch p.src[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				text := p.src[p.at+1 : i]
				p.at = i + 1
				return text, nil
			}
		}
	}
	return "", errors.New("a brace is not closed")
}

// rawOption reads an argument in brackets as it stands.
func (p *parser) rawOption() string {
	if p.peek().r != '[' {
		return ""
	}
	p.skipBlanks()
	end := strings.IndexByte(p.src[p.at:], ']')
	if end < 0 {
		return ""
	}
	text := p.src[p.at+1 : p.at+end]
	p.at += end + 1
	return text
}

// atom reads one atom. It is nil for what leaves nothing to be seen.
func (p *parser) atom() (node, error) {
	t := p.next()
	switch {
	case t.r == '{':
		p.at--
		list, err := p.group()
		return &group{list: list}, err
	case t.r == '}' || t.r == '&' || t.r == '#' || t.r == '$':
		return nil, fmt.Errorf("%q stands where it can't", t.r)
	case t.r != 0:
		if unicode.IsControl(t.r) || t.r == utf8.RuneError {
			return nil, errors.New("there is a character that can't be shown")
		}
		return p.leaf(character(t.r)), nil
	case t.end:
		return nil, errors.New("the formula ends too early")
	}
	return p.command(t.command)
}

func (p *parser) leaf(s symbol) *leaf {
	l := &leaf{r: s.r, as: s.class, big: s.big, slim: s.slim}
	l.r, l.slanted = p.letters.in(s.r)
	return l
}

// inAlphabet reads an argument with its letters in an alphabet.
func (p *parser) inAlphabet(a alphabet) (node, error) {
	before := p.letters
	p.letters = a
	list, err := p.argument()
	p.letters = before
	return &group{list: list, letters: true}, err
}

// name reads the letters of an operator's name.
func (p *parser) name() (node, error) {
	limits := beside
	if p.at < len(p.src) && p.src[p.at] == '*' {
		p.at++
		limits = byStyle
	}
	n, err := p.inAlphabet(roman)
	if err != nil {
		return nil, err
	}
	return &named{body: []node{n}, limits: limits}, nil
}
