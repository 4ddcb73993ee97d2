package jinja

import (
	"fmt"
	"slices"
)

// maxNesting bounds how deeply expressions and statements of a source may nest, and with it the parser's stack.
const maxNesting = 400

// parser builds statements from tokens by recursive descent. It throws a *TemplateError.
type parser struct {
	tokens []token
	pos    int
	depth  int
	macros []map[string]bool // names read inside the macros around this place, innermost last
	loops  int               // loops around this place, within the same macro
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokEOF {
		p.pos++
	}
	return t
}

func (p *parser) fail(format string, args ...any) {
	panic(&TemplateError{Kind: Syntax, Message: fmt.Sprintf(format, args...), Line: p.peek().line})
}

func (p *parser) enter() {
	if p.depth++; p.depth > maxNesting {
		p.fail("the template nests too deeply")
	}
}

func (p *parser) leave() { p.depth-- }

// describe names a token for a message.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "the end of the template"
	case tokData:
		return "text"
	case tokVariableBegin:
		return "'{{'"
	case tokVariableEnd:
		return "'}}'"
	case tokBlockBegin:
		return "'{%'"
	case tokBlockEnd:
		return "'%}'"
	case tokString:
		return "a string"
	}
	return "'" + t.text + "'"
}

func (p *parser) isOp(op string) bool {
	t := &p.tokens[p.pos]
	return t.kind == tokOperator && t.text == op
}

func (p *parser) isName(name string) bool {
	t := &p.tokens[p.pos]
	return t.kind == tokName && t.text == name
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expectOp(op string) {
	if !p.skipOp(op) {
		p.fail("expected '%s', got %s", op, p.peek().describe())
	}
}

func (p *parser) expectName() string {
	if p.peek().kind != tokName {
		p.fail("expected a name, got %s", p.peek().describe())
	}
	return p.next().text
}

func (p *parser) expect(kind tokenKind) {
	if p.peek().kind != kind {
		p.fail("expected %s, got %s", token{kind: kind}.describe(), p.peek().describe())
	}
	p.next()
}

// parseBody reads statements up to a block tag with one of the given names, whose name is the next token then, or to
// the end of the template where no names are given.
func (p *parser) parseBody(ends ...string) []stmt {
	p.enter()
	defer p.leave()
	var body []stmt
	for {
		t := p.next()
		switch t.kind {
		case tokData:
			body = append(body, &textStmt{text: t.text})
		case tokVariableBegin:
			body = append(body, &outputStmt{line: t.line, x: p.parseTuple(true)})
			p.expect(tokVariableEnd)
		case tokBlockBegin:
			if p.peek().kind == tokName && slices.Contains(ends, p.peek().text) {
				return body
			}
			if s := p.parseStatement(); s != nil {
				body = append(body, s)
			}
			p.expect(tokBlockEnd)
		case tokEOF:
			if len(ends) > 0 {
				p.fail("the template ends, but '%s' is missing", ends[len(ends)-1])
			}
			return body
		default:
			p.fail("unexpected %s", t.describe())
		}
	}
}

// parseBlock reads the rest of an opening tag and the statements up to one of the given tags, and consumes the name
// of that tag, which it returns.
func (p *parser) parseBlock(ends ...string) ([]stmt, string) {
	p.skipOp(":")
	p.expect(tokBlockEnd)
	body := p.parseBody(ends...)
	return body, p.next().text
}

func (p *parser) parseStatement() stmt {
	line := p.peek().line
	switch name := p.expectName(); name {
	case "if":
		return p.parseIf(line)
	case "for":
		return p.parseFor(line)
	case "set":
		return p.parseSet(line)
	case "macro":
		name := p.expectName()
		m := p.parseMacroRest(name, "endmacro", true)
		return &macroStmt{macro: m}
	case "call":
		hasParams := p.isOp("(")
		mark := p.pos
		if hasParams {
			p.skipParens()
		}
		call, ok := p.parseUnary(true).(*callExpr)
		if !ok {
			p.fail("a call block needs a call")
		}
		after := p.pos
		p.pos = mark
		m := p.parseMacroRest("caller", "endcall", hasParams, after)
		return &callStmt{line: line, call: call, caller: m}
	case "filter":
		chain := p.parseFilters(&captured{}, true)
		body, _ := p.parseBlock("endfilter")
		return &filterStmt{line: line, filter: chain, body: body}
	case "with":
		return p.parseWith(line)
	case "generation":
		// Marks the assistant's tokens for training; for rendering it is a scope of its own.
		body, _ := p.parseBlock("endgeneration")
		return &scopeStmt{body: body}
	case "break", "continue":
		if p.loops == 0 {
			p.fail("'%s' outside a loop", name)
		}
		return &jumpStmt{isBreak: name == "break"}
	case "include", "import", "from", "extends", "block":
		p.fail("'%s' is not available: a chat template is a single file", name)
	default:
		p.fail("unknown tag '%s'", name)
	}
	return nil
}

// skipParens moves past a parenthesised list, to be read later.
func (p *parser) skipParens() {
	for depth := 0; ; {
		switch t := p.next(); {
		case t.kind == tokEOF || t.kind == tokBlockEnd:
			p.fail("a parenthesis isn't closed")
		case t.kind == tokOperator && t.text == "(":
			depth++
		case t.kind == tokOperator && t.text == ")":
			if depth--; depth == 0 {
				return
			}
		}
	}
}

func (p *parser) parseIf(line int) stmt {
	s := &ifStmt{line: line}
	for {
		test := p.parseTuple(false)
		body, end := p.parseBlock("elif", "else", "endif")
		s.branches = append(s.branches, branch{test, body})
		switch end {
		case "elif":
			continue
		case "else":
			s.otherwise, _ = p.parseBlock("endif")
		}
		return s
	}
}

func (p *parser) parseFor(line int) stmt {
	s := &forStmt{line: line, target: p.parseTarget(false)}
	if !p.skipName("in") {
		p.fail("expected 'in', got %s", p.peek().describe())
	}
	s.items = p.parseTuple(false, "recursive")
	if p.skipName("if") {
		s.filter = p.parseExpr()
	}
	s.recursive = p.skipName("recursive")
	p.loops++
	body, end := p.parseBlock("endfor", "else")
	p.loops--
	s.body = body
	if end == "else" {
		s.otherwise, _ = p.parseBlock("endfor")
	}
	return s
}

func (p *parser) parseSet(line int) stmt {
	target := p.parseTarget(true)
	if p.skipOp("=") {
		return &setStmt{line: line, target: target, value: p.parseTuple(true)}
	}
	s := &setBlockStmt{line: line, target: target}
	if p.isOp("|") {
		s.filter = p.parseFilters(&captured{}, false)
	}
	s.body, _ = p.parseBlock("endset")
	return s
}

func (p *parser) parseWith(line int) stmt {
	s := &withStmt{line: line}
	for p.peek().kind == tokName {
		s.targets = append(s.targets, p.parseTarget(false))
		p.expectOp("=")
		s.values = append(s.values, p.parseExpr())
		if !p.skipOp(",") {
			break
		}
	}
	s.body, _ = p.parseBlock("endwith")
	return s
}

// parseTarget reads what an assignment assigns to: a name, a namespace's attribute, or several with commas.
func (p *parser) parseTarget(attributes bool) target {
	t := p.parseOneTarget(attributes)
	if !p.isOp(",") {
		return t
	}
	list := []target{t}
	for p.skipOp(",") {
		if p.peek().kind != tokName && !p.isOp("(") || p.isName("in") {
			break
		}
		list = append(list, p.parseOneTarget(attributes))
	}
	return target{list: list}
}

func (p *parser) parseOneTarget(attributes bool) target {
	p.enter()
	defer p.leave()
	if p.skipOp("(") {
		t := p.parseTarget(attributes)
		p.expectOp(")")
		return t
	}
	name := p.expectName()
	switch name {
	case "true", "false", "none", "True", "False", "None":
		p.fail("can't assign to '%s'", name)
	}
	if attributes && p.skipOp(".") {
		p.note(name)
		return target{name: name, attr: p.expectName()}
	}
	return target{name: name}
}

// parseMacroRest reads a macro's parameters, where it has any, and its body. The body begins where the parameters
// end, or at token number bodyAt.
func (p *parser) parseMacroRest(name, end string, hasParams bool, bodyAt ...int) *macroDef {
	m := &macroDef{name: name}
	p.macros = append(p.macros, map[string]bool{})
	loops := p.loops
	p.loops = 0
	if hasParams {
		p.expectOp("(")
		for !p.skipOp(")") {
			if len(m.params) > 0 {
				p.expectOp(",")
				if p.skipOp(")") {
					break
				}
			}
			arg := param{name: p.expectName()}
			if p.skipOp("=") {
				arg.value = p.parseExpr()
			} else if len(m.params) > 0 && m.params[len(m.params)-1].value != nil {
				p.fail("a parameter without a default follows one that has one")
			}
			m.params = append(m.params, arg)
		}
	}
	if len(bodyAt) > 0 {
		p.pos = bodyAt[0]
	}
	m.body, _ = p.parseBlock(end)
	p.loops = loops
	names := p.macros[len(p.macros)-1]
	p.macros = p.macros[:len(p.macros)-1]
	m.usesVarargs, m.usesKwargs, m.usesCaller = names["varargs"], names["kwargs"], names["caller"]
	return m
}

// note records that a name is read: a macro takes extra arguments only if its body reads varargs, kwargs or caller.
func (p *parser) note(name string) {
	switch name {
	case "varargs", "kwargs", "caller":
		for _, names := range p.macros {
			names[name] = true
		}
	}
}
