package jinja

import "strings"

// jump says how a run of statements ended.
type jump uint8

const (
	jumpNone jump = iota
	jumpBreak
	jumpContinue
)

// stmt is a statement: it writes to the state's output and sets variables in the scope.
type stmt interface {
	exec(st *state, sc *scope) jump
}

type (
	textStmt   struct{ text string }
	outputStmt struct {
		line int
		x    expr
	}
	branch struct {
		test expr
		body []stmt
	}
	ifStmt struct {
		line      int
		branches  []branch
		otherwise []stmt
	}
	forStmt struct {
		line      int
		target    target
		items     expr
		filter    expr // nil without "if"
		recursive bool
		body      []stmt
		otherwise []stmt
	}
	setStmt struct {
		line   int
		target target
		value  expr
	}
	setBlockStmt struct {
		line   int
		target target
		filter expr // applied to captured text; nil for none
		body   []stmt
	}
	filterStmt struct {
		line   int
		filter expr
		body   []stmt
	}
	withStmt struct {
		line    int
		targets []target
		values  []expr
		body    []stmt
	}
	scopeStmt struct{ body []stmt }
	macroStmt struct{ macro *macroDef }
	callStmt  struct {
		line   int
		call   *callExpr
		caller *macroDef
	}
	jumpStmt struct{ isBreak bool }
)

// target is what an assignment assigns to: a name, an attribute of a namespace, or several targets.
type target struct {
	name string
	attr string
	list []target
}

func (t *target) assign(st *state, sc *scope, v any) {
	switch {
	case t.list != nil:
		items := st.iterate(v)
		if len(items) != len(t.list) {
			st.typeError("can't unpack %d values into %d names", len(items), len(t.list))
		}
		for i := range t.list {
			t.list[i].assign(st, sc, items[i])
		}
	case t.attr != "":
		ns, _ := sc.get(t.name)
		n, ok := ns.(*namespace)
		if !ok {
			st.typeError("cannot assign attribute on non-namespace object '%s'", t.name)
		}
		st.setItem(n.vars, t.attr, v)
	default:
		sc.set(t.name, v)
	}
}

// run executes statements in order until one of them jumps.
func (st *state) run(body []stmt, sc *scope) jump {
	st.enter()
	for _, s := range body {
		st.step(1)
		if j := s.exec(st, sc); j != jumpNone {
			st.leave()
			return j
		}
	}
	st.leave()
	return jumpNone
}

func (s *textStmt) exec(st *state, _ *scope) jump {
	st.write(s.text)
	return jumpNone
}

func (s *outputStmt) exec(st *state, sc *scope) jump {
	st.line = s.line
	switch v := st.eval(s.x, sc).(type) {
	case string:
		st.write(v)
	default:
		st.write(st.str(v))
	}
	return jumpNone
}

func (s *ifStmt) exec(st *state, sc *scope) jump {
	for i := range s.branches {
		st.line = s.line
		if st.truth(st.eval(s.branches[i].test, sc)) {
			return st.run(s.branches[i].body, sc)
		}
	}
	return st.run(s.otherwise, sc)
}

func (s *forStmt) exec(st *state, sc *scope) jump {
	st.line = s.line
	s.loop(st, sc, st.eval(s.items, sc), 0)
	return jumpNone
}

// loop runs the body for every element of v. A recursive loop calls it again for its children, one level deeper.
func (s *forStmt) loop(st *state, sc *scope, v any, depth int) {
	items := st.iterate(v)
	if s.filter != nil {
		var kept []any
		for _, item := range items {
			inner := &scope{parent: sc}
			s.target.assign(st, inner, item)
			if st.truth(st.eval(s.filter, inner)) {
				kept = append(kept, item)
			}
		}
		items = kept
	}
	if len(items) == 0 {
		st.run(s.otherwise, &scope{parent: sc})
		return
	}
	l := &loop{items: items, depth: depth}
	if s.recursive {
		l.recurse = func(st *state, v any) string {
			return st.capture(func() { s.loop(st, sc, v, depth+1) })
		}
	}
	for i, item := range items {
		st.step(2) // for the scope
		l.index = i
		inner := &scope{parent: sc}
		inner.set("loop", l)
		s.target.assign(st, inner, item)
		if st.run(s.body, inner) == jumpBreak {
			break
		}
	}
}

func (s *setStmt) exec(st *state, sc *scope) jump {
	st.line = s.line
	s.target.assign(st, sc, st.eval(s.value, sc))
	return jumpNone
}

func (s *setBlockStmt) exec(st *state, sc *scope) jump {
	inner := &scope{parent: sc}
	var v any = st.capture(func() { st.run(s.body, inner) })
	st.line = s.line
	if s.filter != nil {
		inner.set(capturedName, v)
		v = st.eval(s.filter, inner)
	}
	s.target.assign(st, sc, v)
	return jumpNone
}

func (s *filterStmt) exec(st *state, sc *scope) jump {
	inner := &scope{parent: sc}
	v := st.capture(func() { st.run(s.body, inner) })
	st.line = s.line
	inner.set(capturedName, v)
	st.write(st.str(st.eval(s.filter, inner)))
	return jumpNone
}

func (s *withStmt) exec(st *state, sc *scope) jump {
	st.line = s.line
	inner := &scope{parent: sc}
	for i := range s.targets {
		v := st.eval(s.values[i], sc)
		s.targets[i].assign(st, inner, v)
	}
	return st.run(s.body, inner)
}

func (s *scopeStmt) exec(st *state, sc *scope) jump { return st.run(s.body, &scope{parent: sc}) }

func (s *macroStmt) exec(st *state, sc *scope) jump {
	sc.set(s.macro.name, &macro{macroDef: s.macro, scope: sc})
	return jumpNone
}

func (s *callStmt) exec(st *state, sc *scope) jump {
	st.line = s.line
	fn := st.eval(s.call.fn, sc)
	a := s.call.args.eval(st, sc)
	a.named = append(a.named, namedArg{"caller", &macro{macroDef: s.caller, scope: sc}})
	st.write(st.str(st.call(fn, a)))
	return jumpNone
}

func (s *jumpStmt) exec(*state, *scope) jump {
	if s.isBreak {
		return jumpBreak
	}
	return jumpContinue
}

// capturedName is the variable that holds a block's text while its filters run; no template can name it.
const capturedName = "\x00captured"

// captured is the text of a filter block or a block set.
type captured struct{}

func (*captured) eval(_ *state, sc *scope) any {
	v, _ := sc.get(capturedName)
	return v
}

type param struct {
	name  string
	value expr // default; nil if there's none
}

// macroDef is a macro as the source defines it.
type macroDef struct {
	name                                string
	params                              []param
	body                                []stmt
	usesVarargs, usesKwargs, usesCaller bool
}

// macro is a macro with the scope it was defined in.
type macro struct {
	*macroDef
	scope *scope
}

// invoke runs the macro and returns what it writes.
func (m *macro) invoke(st *state, a *args) any {
	st.enter()
	defer st.leave()
	sc := &scope{parent: m.scope}
	extra := a.positional
	given := make(map[string]any, len(a.named))
	for _, n := range a.named {
		given[n.name] = n.value
	}
	var unset []param
	for i, p := range m.params {
		v, named := given[p.name]
		delete(given, p.name)
		switch {
		case i < len(a.positional):
			if named {
				st.typeError("macro '%s' got multiple values for argument '%s'", m.name, p.name)
			}
			v, extra = a.positional[i], a.positional[i+1:]
		case !named && p.value != nil:
			unset = append(unset, p)
			continue
		case !named:
			v = &undefined{hint: "parameter '" + p.name + "' was not provided"}
		}
		sc.set(p.name, v)
	}
	for _, p := range unset {
		sc.set(p.name, st.eval(p.value, sc))
	}
	if m.usesCaller {
		if c, ok := given["caller"]; ok {
			sc.set("caller", c)
		} else if sc.find("caller") == nil && sc.vars["caller"] == nil {
			sc.set("caller", &undefined{hint: "No caller defined"})
		}
		delete(given, "caller")
	}
	if m.usesKwargs {
		d := NewDict()
		for _, n := range a.named {
			if v, ok := given[n.name]; ok {
				st.setItem(d, n.name, v)
			}
		}
		sc.set("kwargs", d)
	} else if len(given) > 0 {
		for _, n := range a.named {
			if _, ok := given[n.name]; ok {
				st.typeError("macro '%s' takes no keyword argument '%s'", m.name, n.name)
			}
		}
	}
	if m.usesVarargs {
		sc.set("varargs", &list{items: extra, tuple: true})
	} else if len(extra) > 0 {
		st.typeError("macro '%s' takes not more than %d argument(s)", m.name, len(m.params))
	}
	return st.capture(func() { st.run(m.body, sc) })
}

// loop is the variable "loop" inside a for.
type loop struct {
	items   []any
	index   int
	depth   int
	recurse func(st *state, v any) string
	last    []any // the arguments of the last call of changed
	called  bool
}

func (l *loop) attr(name string) (any, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return l.index + 1, true
	case "index0":
		return l.index, true
	case "revindex":
		return n - l.index, true
	case "revindex0":
		return n - l.index - 1, true
	case "first":
		return l.index == 0, true
	case "last":
		return l.index == n-1, true
	case "length":
		return n, true
	case "depth":
		return l.depth + 1, true
	case "depth0":
		return l.depth, true
	case "previtem":
		if l.index == 0 {
			return &undefined{hint: "there is no previous item"}, true
		}
		return l.items[l.index-1], true
	case "nextitem":
		if l.index == n-1 {
			return &undefined{hint: "there is no next item"}, true
		}
		return l.items[l.index+1], true
	case "cycle":
		return &function{"cycle", func(st *state, a *args) any {
			if len(a.positional) == 0 {
				st.typeError("no items for cycling given")
			}
			return a.positional[l.index%len(a.positional)]
		}}, true
	case "changed":
		return &function{"changed", func(st *state, a *args) any {
			same := l.called && st.equal(&list{items: l.last}, &list{items: a.positional})
			l.last, l.called = a.positional, true
			return !same
		}}, true
	}
	return nil, false
}

// join concatenates texts whose length has been counted.
func join(parts []string) string { return strings.Join(parts, "") }
