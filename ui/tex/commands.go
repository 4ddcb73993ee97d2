package tex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// command reads what follows a command.
func (p *parser) command(name string) (node, error) {
	if s, ok := p.symbols[name]; ok {
		return p.leaf(s), nil
	}
	if limits, ok := p.names[name]; ok {
		n := &named{limits: beside}
		if limits {
			n.limits = byStyle
		}
		text := name
		switch name {
		case "limsup", "liminf", "argmax", "argmin", "plim", "injlim", "projlim":
			cut := len(name) - 3
			text = name[:cut] + "\u2009" + name[cut:]
		}
		for _, r := range text {
			n.body = append(n.body, &leaf{r: r})
		}
		return n, nil
	}
	if w, ok := spaces[name]; ok {
		return &space{w}, nil
	}
	if a, ok := alphabets[name]; ok {
		return p.inAlphabet(a)
	}
	if a, ok := oldAlphabets[name]; ok {
		p.letters = a
		return nil, nil
	}
	if a, ok := accents[name]; ok {
		body, err := p.argument()
		a.body = body
		return &a, err
	}
	if s, ok := styleNames[name]; ok {
		return &styleChange{s}, nil
	}
	if l, ok := delimiterSizes[strings.TrimRight(name, "lrm")]; ok {
		return p.sized(name, l)
	}
	if n, ok, err := p.structure(name); ok {
		return n, err
	}
	if n, ok, err := p.wrapper(name); ok {
		return n, err
	}
	return nil, fmt.Errorf("\\%s is not known", name)
}

// structure reads fractions, roots, delimiters and environments.
func (p *parser) structure(name string) (n node, ok bool, err error) {
	switch name {
	case "frac", "dfrac", "tfrac", "cfrac", "binom", "dbinom", "tbinom":
		if name == "cfrac" {
			p.rawOption()
		}
		f := &fraction{ruled: !strings.HasSuffix(name, "binom")}
		if !f.ruled {
			f.left, f.right = '(', ')'
		}
		switch name[0] {
		case 'd', 'c':
			f.style = &style{level: display}
		case 't':
			f.style = &style{level: text}
		}
		if f.top, err = p.argument(); err == nil {
			f.bottom, err = p.argument()
		}
		return f, true, err
	case "sqrt":
		r := &root{}
		if r.index, _, err = p.option(); err == nil {
			r.body, err = p.argument()
		}
		return r, true, err
	case "left":
		n, err = p.fence()
		return n, true, err
	case "begin":
		n, err = p.environment()
		return n, true, err
	case "substack":
		body, err := p.raw()
		if err != nil {
			return nil, true, err
		}
		inside := *p
		inside.src, inside.at = body, 0
		a, err := inside.rows(func(t token) bool { return t.end })
		p.nodes = inside.nodes
		return &array{rows: a, kind: substackArray}, true, err
	case "pmod", "pod":
		body, err := p.argument()
		list := []node{&space{1}, &leaf{r: '(', as: opening}}
		if name == "pmod" {
			list = append(list, &named{body: upright("mod"), limits: beside}, &space{1.0 / 6})
		}
		return &group{list: append(append(list, body...), &leaf{r: ')', as: closing})}, true, err
	case "mod", "bmod":
		if name == "mod" {
			return &group{list: []node{&space{1}, &named{body: upright("mod"), limits: beside}, &space{1.0 / 3}}}, true, nil
		}
		return &reclassed{list: upright("mod"), as: dyadic}, true, nil
	case "tag":
		if p.at < len(p.src) && p.src[p.at] == '*' {
			p.at++
		}
		s, err := p.raw()
		return &group{list: []node{&space{2}, &textRun{text: "(" + s + ")"}}}, true, err
	case "label", "vspace", "bigskip":
		if name != "bigskip" {
			_, err = p.raw()
		}
		return nil, true, err
	case "nonumber", "notag", "relax", "protect", "allowbreak", "nobreak", "break", "mathstrut", "strut", "null", "/", "-":
		return nil, true, nil
	case "hspace", "kern", "mkern", "hskip", "mskip":
		n, err = p.length(name)
		return n, true, err
	case "color":
		_, err = p.raw() // formulas have the text's colour
		return nil, true, err
	case "textcolor", "colorbox":
		if _, err = p.raw(); err != nil {
			return nil, true, err
		}
		list, err := p.argument()
		return &group{list: list}, true, err
	}
	return nil, false, nil
}

// wrapper reads commands that do something to one argument, or set one thing upon another.
func (p *parser) wrapper(name string) (n node, ok bool, err error) {
	switch name {
	case "text", "textrm", "textnormal", "textup", "mbox", "hbox", "textbf", "textit", "emph", "texttt", "textsf", "intertext", "shortintertext":
		n, err = p.textArgument(name)
		return n, true, err
	case "operatorname":
		n, err = p.name()
		return n, true, err
	case "mathop", "mathrel", "mathbin", "mathord", "mathopen", "mathclose", "mathpunct", "mathinner":
		list, err := p.argument()
		if name == "mathop" {
			return &named{body: list, limits: byStyle}, true, err
		}
		return &reclassed{list: list, as: classNames[name[4:]]}, true, err
	case "overline", "underline", "boxed", "fbox", "cancel", "bcancel", "xcancel", "phantom", "hphantom", "vphantom", "smash", "ensuremath", "mathchoice", "llap", "rlap", "mathllap", "mathrlap", "mathclap":
		if name == "smash" {
			p.rawOption()
		}
		list, err := p.argument()
		return &decorated{body: list, how: name}, true, err
	case "overset", "stackrel", "underset":
		extra, err := p.argument()
		if err != nil {
			return nil, true, err
		}
		body, err := p.argument()
		as := ordinary
		if len(body) == 1 {
			as = body[0].class()
		}
		if name == "stackrel" {
			as = relation
		}
		s := &scripts{base: &reclassed{list: body, as: as}, limits: above}
		if name == "underset" {
			s.sub = append([]node{}, extra...)
		} else {
			s.sup = append([]node{}, extra...)
		}
		return s, true, err
	case "overbrace", "underbrace", "overbracket", "underbracket":
		body, err := p.argument()
		r := map[string]rune{"overbrace": '⏞', "underbrace": '⏟', "overbracket": '⎴', "underbracket": '⎵'}[name]
		return &braced{body: body, r: r, under: name[0] == 'u'}, true, err
	case "xrightarrow", "xleftarrow", "xleftrightarrow", "xRightarrow", "xLeftarrow", "xLeftrightarrow", "xmapsto", "xlongequal", "xrightleftharpoons", "xhookrightarrow":
		below, _, err := p.option()
		if err != nil {
			return nil, true, err
		}
		over, err := p.argument()
		r := map[string]rune{"xrightarrow": '→', "xleftarrow": '←', "xleftrightarrow": '↔', "xRightarrow": '⇒', "xLeftarrow": '⇐',
			"xLeftrightarrow": '⇔', "xmapsto": '↦', "xlongequal": '=', "xrightleftharpoons": '⇌', "xhookrightarrow": '↪'}[name]
		return &arrow{r: r, over: over, below: below}, true, err
	case "not":
		body, err := p.argument()
		if len(body) == 1 {
			if l, ok := body[0].(*leaf); ok {
				if r, ok := negated[l.r]; ok {
					return &leaf{r: r, as: l.as}, true, err
				}
				return &reclassed{list: []node{&decorated{body: body, how: "not"}}, as: l.as}, true, err
			}
		}
		return &decorated{body: body, how: "not"}, true, err
	}
	return nil, false, nil
}

func upright(s string) []node {
	var list []node
	for _, r := range s {
		list = append(list, &leaf{r: r})
	}
	return list
}

// textArgument reads text between formulas; formulas may stand in it again, between dollars.
func (p *parser) textArgument(name string) (node, error) {
	s, err := p.raw()
	if err != nil {
		return nil, err
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errTooDeep
	}
	defer func() { p.depth-- }()
	letters := roman
	switch name {
	case "textbf":
		letters = bold
	case "textit", "emph":
		letters = italic
	case "texttt":
		letters = typewriter
	case "textsf":
		letters = sans
	}
	g := &group{}
	for i, piece := range strings.Split(s, "$") {
		if piece == "" {
			continue
		}
		if p.nodes += len(piece); p.nodes > 4*maxNodes {
			return nil, errTooLong
		}
		if i%2 == 0 {
			g.list = append(g.list, &textRun{text: plainText(piece), letters: letters})
			continue
		}
		inside := *p
		inside.src, inside.at, inside.letters = piece, 0, mathItalic
		list, err := inside.list(func(t token) bool { return t.end })
		p.nodes = inside.nodes
		if err != nil {
			return nil, err
		}
		g.list = append(g.list, &group{list: list})
	}
	return g, nil
}

// plainText resolves what is escaped in text, and drops braces and commands that only change its look.
func plainText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if isLetter(s[i]) {
				for i+1 < len(s) && isLetter(s[i+1]) {
					i++
				}
				continue
			}
			b.WriteByte(s[i])
		case c == '{' || c == '}':
		case c == '~' || c == '\n':
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// delimiter reads the token after \left, \right, \big and the like. 0 is none.
func (p *parser) delimiter() (rune, error) {
	switch t := p.next(); {
	case t.end:
		return 0, errors.New("a delimiter is missing")
	case t.r == '.':
		return 0, nil
	case t.r == '<':
		return '⟨', nil
	case t.r == '>':
		return '⟩', nil
	case t.r != 0 && strings.ContainsRune("()[]|/⟨⟩⌊⌋⌈⌉‖", t.r):
		return t.r, nil
	case t.command != "":
		if s, ok := p.symbols[t.command]; ok && (s.class == opening || s.class == closing || strings.ContainsRune("|‖\\↑↓↕⇑⇓⇕∣∥", s.r)) {
			if s.r == '∣' {
				return '|', nil
			}
			if s.r == '∥' {
				return '‖', nil
			}
			return s.r, nil
		}
		return 0, fmt.Errorf("\\%s is no delimiter", t.command)
	default:
		return 0, fmt.Errorf("%q is no delimiter", t.r)
	}
}

// fence reads \left … \middle … \right.
func (p *parser) fence() (node, error) {
	f := &fence{}
	d, err := p.delimiter()
	if err != nil {
		return nil, err
	}
	f.delimiters = append(f.delimiters, d)
	for {
		list, err := p.list(func(t token) bool { return t.command == "right" || t.command == "middle" })
		if err != nil {
			return nil, err
		}
		f.parts = append(f.parts, list)
		t := p.next()
		if d, err = p.delimiter(); err != nil {
			return nil, err
		}
		f.delimiters = append(f.delimiters, d)
		if t.command == "right" {
			return f, nil
		}
	}
}

func (p *parser) sized(name string, length float32) (node, error) {
	d, err := p.delimiter()
	as := ordinary
	switch name[len(name)-1] {
	case 'l':
		as = opening
	case 'r':
		as = closing
	case 'm':
		as = relation
	}
	return &sizedDelimiter{r: d, length: length, as: as}, err
}

// length reads a length and returns the space.
func (p *parser) length(name string) (node, error) {
	var s string
	if name == "hspace" {
		if p.at < len(p.src) && p.src[p.at] == '*' {
			p.at++
		}
		var err error
		if s, err = p.raw(); err != nil {
			return nil, err
		}
	} else {
		p.skipBlanks()
		start := p.at
		for p.at < len(p.src) && strings.IndexByte("+-.0123456789 ", p.src[p.at]) >= 0 {
			p.at++
		}
		p.at = min(p.at+2, len(p.src))
		s = p.src[start:p.at]
	}
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 3 {
		return nil, errors.New("a length is missing")
	}
	v, err := strconv.ParseFloat(s[:len(s)-2], 32)
	unit, ok := units[s[len(s)-2:]]
	if err != nil || !ok {
		return nil, fmt.Errorf("%q is no length", s)
	}
	return &space{min(max(float32(v)*unit, -20), 100)}, nil
}
