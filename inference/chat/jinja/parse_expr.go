package jinja

import "slices"

// parseTuple reads an expression, or several with commas between them as a tuple. Where conditional is false, "if"
// ends the expression; ends are further names that do.
func (p *parser) parseTuple(conditional bool, ends ...string) expr {
	items, isTuple := p.parseItems(conditional, ends...)
	if !isTuple {
		if len(items) == 0 {
			p.fail("expected an expression, got %s", p.peek().describe())
		}
		return items[0]
	}
	return &listExpr{items: items, tuple: true}
}

func (p *parser) parseItems(conditional bool, ends ...string) (items []expr, isTuple bool) {
	for {
		switch t := p.peek(); {
		case t.kind == tokVariableEnd, t.kind == tokBlockEnd, p.isOp(")"), t.kind == tokName && slices.Contains(ends, t.text):
			return items, isTuple
		}
		if conditional {
			items = append(items, p.parseExpr())
		} else {
			items = append(items, p.parseOr())
		}
		if !p.skipOp(",") {
			return items, isTuple
		}
		isTuple = true
	}
}

// parseExpr reads an expression with inline ifs.
func (p *parser) parseExpr() expr {
	p.enter()
	defer p.leave()
	x := p.parseOr()
	for p.skipName("if") {
		c := &condExpr{then: x, test: p.parseOr()}
		if p.skipName("else") {
			c.otherwise = p.parseExpr()
		}
		x = c
	}
	return x
}

func (p *parser) parseOr() expr {
	x := p.parseAnd()
	for p.skipName("or") {
		x = &logicExpr{or: true, a: x, b: p.parseAnd()}
	}
	return x
}

func (p *parser) parseAnd() expr {
	x := p.parseNot()
	for p.skipName("and") {
		x = &logicExpr{a: x, b: p.parseNot()}
	}
	return x
}

func (p *parser) parseNot() expr {
	p.enter()
	defer p.leave()
	if p.skipName("not") {
		return &notExpr{p.parseNot()}
	}
	return p.parseCompare()
}

func (p *parser) parseCompare() expr {
	x := p.parseSum()
	var c *compareExpr
	for {
		op := ""
		switch t := p.peek(); {
		case t.kind == tokOperator && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text):
			op = t.text
			p.pos++
		case p.skipName("in"):
			op = "in"
		case p.isName("not") && p.tokens[p.pos+1].kind == tokName && p.tokens[p.pos+1].text == "in":
			op = "not in"
			p.pos += 2
		}
		if op == "" {
			break
		}
		if c == nil {
			c = &compareExpr{first: x}
		}
		c.ops = append(c.ops, op)
		c.rest = append(c.rest, p.parseSum())
	}
	if c == nil {
		return x
	}
	return c
}

func (p *parser) parseSum() expr {
	x := p.parseConcat()
	for p.isOp("+") || p.isOp("-") {
		t := p.next()
		x = &arithmeticExpr{line: t.line, op: t.text, a: x, b: p.parseConcat()}
	}
	return x
}

func (p *parser) parseConcat() expr {
	x := p.parseProduct()
	if !p.isOp("~") {
		return x
	}
	c := &concatExpr{items: []expr{x}}
	for p.skipOp("~") {
		c.items = append(c.items, p.parseProduct())
	}
	return c
}

func (p *parser) parseProduct() expr {
	x := p.parsePower()
	for p.isOp("*") || p.isOp("/") || p.isOp("//") || p.isOp("%") {
		t := p.next()
		x = &arithmeticExpr{line: t.line, op: t.text, a: x, b: p.parsePower()}
	}
	return x
}

// parsePower binds to the left, as Jinja's parser does.
func (p *parser) parsePower() expr {
	x := p.parseUnary(true)
	for p.isOp("**") {
		t := p.next()
		x = &arithmeticExpr{line: t.line, op: t.text, a: x, b: p.parseUnary(true)}
	}
	return x
}

// parseUnary reads a sign or a primary expression with what follows it: attributes, subscripts, calls and, where
// filters is set, filters and tests. A filter after a sign applies to the signed value.
func (p *parser) parseUnary(filters bool) expr {
	p.enter()
	defer p.leave()
	var x expr
	if p.isOp("-") || p.isOp("+") {
		t := p.next()
		x = &signExpr{line: t.line, op: t.text, x: p.parseUnary(false)}
	} else {
		x = p.parsePrimary()
	}
	x = p.parsePostfix(x)
	for filters {
		switch {
		case p.isOp("|"):
			x = p.parseFilters(x, false)
		case p.isName("is"):
			x = p.parseTest(x)
		case p.isOp("("):
			x = p.parseCall(x)
		default:
			return x
		}
	}
	return x
}

func (p *parser) parsePrimary() expr {
	p.enter()
	defer p.leave()
	t := p.next()
	switch t.kind {
	case tokName:
		switch t.text {
		case "true", "True":
			return &constExpr{true}
		case "false", "False":
			return &constExpr{false}
		case "none", "None":
			return &constExpr{nil}
		}
		p.note(t.text)
		return &nameExpr{t.text}
	case tokString:
		s := t.text
		for p.peek().kind == tokString {
			s += p.next().text
		}
		return &constExpr{s}
	case tokNumber:
		return &constExpr{t.value}
	case tokOperator:
		switch t.text {
		case "(":
			items, isTuple := p.parseItems(true)
			p.expectOp(")")
			if isTuple || len(items) == 0 {
				return &listExpr{items: items, tuple: true}
			}
			return items[0]
		case "[":
			l := &listExpr{}
			for !p.skipOp("]") {
				if len(l.items) > 0 {
					p.expectOp(",")
					if p.skipOp("]") {
						break
					}
				}
				l.items = append(l.items, p.parseExpr())
			}
			return l
		case "{":
			d := &dictExpr{line: t.line}
			for !p.skipOp("}") {
				if len(d.keys) > 0 {
					p.expectOp(",")
					if p.skipOp("}") {
						break
					}
				}
				d.keys = append(d.keys, p.parseExpr())
				p.expectOp(":")
				d.values = append(d.values, p.parseExpr())
			}
			return d
		}
	}
	if p.pos > 0 && t.kind != tokEOF {
		p.pos--
	}
	p.fail("unexpected %s", t.describe())
	return nil
}

func (p *parser) parsePostfix(x expr) expr {
	for {
		line := p.peek().line
		switch {
		case p.skipOp("."):
			switch t := p.next(); t.kind {
			case tokName:
				x = &attrExpr{line: line, x: x, name: t.text}
			case tokNumber:
				x = &itemExpr{line: line, x: x, key: &constExpr{t.value}}
			default:
				p.fail("expected a name or a number after '.', got %s", t.describe())
			}
		case p.skipOp("["):
			x = p.parseSubscript(x, line)
		case p.isOp("("):
			x = p.parseCall(x)
		default:
			return x
		}
	}
}

func (p *parser) parseSubscript(x expr, line int) expr {
	if !p.isOp(":") {
		key := p.parseExpr()
		if p.isOp(",") {
			l := &listExpr{items: []expr{key}, tuple: true}
			for p.skipOp(",") {
				l.items = append(l.items, p.parseExpr())
			}
			key = l
		}
		if p.skipOp("]") {
			return &itemExpr{line: line, x: x, key: key}
		}
		if !p.isOp(":") {
			p.fail("expected ']', got %s", p.peek().describe())
		}
		return p.parseSlice(&sliceExpr{line: line, x: x, from: key})
	}
	return p.parseSlice(&sliceExpr{line: line, x: x})
}

// parseSlice reads the rest of a slice from its first colon on.
func (p *parser) parseSlice(s *sliceExpr) expr {
	p.expectOp(":")
	if !p.isOp(":") && !p.isOp("]") {
		s.to = p.parseExpr()
	}
	if p.skipOp(":") && !p.isOp("]") {
		s.step = p.parseExpr()
	}
	p.expectOp("]")
	return s
}

func (p *parser) parseCall(x expr) expr {
	line := p.peek().line
	return &callExpr{line: line, fn: x, args: p.parseArgs()}
}

func (p *parser) parseArgs() (a argList) {
	p.expectOp("(")
	for first := true; !p.skipOp(")"); first = false {
		if !first {
			p.expectOp(",")
			if p.skipOp(")") {
				break
			}
		}
		switch {
		case p.skipOp("*"):
			if a.spread != nil || a.spreadNamed != nil {
				p.fail("invalid arguments of a call")
			}
			a.spread = p.parseExpr()
		case p.skipOp("**"):
			if a.spreadNamed != nil {
				p.fail("invalid arguments of a call")
			}
			a.spreadNamed = p.parseExpr()
		case p.peek().kind == tokName && p.tokens[p.pos+1].kind == tokOperator && p.tokens[p.pos+1].text == "=":
			if a.spreadNamed != nil {
				p.fail("invalid arguments of a call")
			}
			name := p.next().text
			p.pos++
			a.names = append(a.names, name)
			a.named = append(a.named, p.parseExpr())
		default:
			if a.spread != nil || a.spreadNamed != nil || len(a.named) > 0 {
				p.fail("a positional argument follows a named one")
			}
			a.positional = append(a.positional, p.parseExpr())
		}
	}
	return a
}

// parseFilters reads one or more filters that apply to x; the first has no bar before it where bare is set.
func (p *parser) parseFilters(x expr, bare bool) expr {
	for bare || p.skipOp("|") {
		bare = false
		f := &filterExpr{line: p.peek().line, x: x, name: p.parseDottedName()}
		if p.isOp("(") {
			f.args = p.parseArgs()
		}
		x = f
	}
	return x
}

func (p *parser) parseDottedName() string {
	name := p.expectName()
	for p.skipOp(".") {
		name += "." + p.expectName()
	}
	return name
}

func (p *parser) parseTest(x expr) expr {
	line := p.next().line
	negated := p.skipName("not")
	t := &testExpr{line: line, x: x, name: p.parseDottedName()}
	switch k := p.peek(); {
	case p.isOp("("):
		t.args = p.parseArgs()
	case k.kind == tokString, k.kind == tokNumber, p.isOp("["), p.isOp("{"),
		k.kind == tokName && !slices.Contains([]string{"else", "or", "and"}, k.text):
		if k.text == "is" && k.kind == tokName {
			p.fail("tests can't be chained with 'is'")
		}
		// Only "if", "in", "not" and the like could follow a test otherwise; Jinja reads them as an argument too,
		// except in the places where a keyword ends the expression.
		if k.kind == tokName && (k.text == "if" || k.text == "in" || k.text == "not" || k.text == "recursive") {
			break
		}
		t.args.positional = []expr{p.parsePostfix(p.parsePrimary())}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}
