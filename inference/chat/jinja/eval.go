package jinja

// expr is an expression. Evaluate it with state.eval, which counts the step.
type expr interface {
	eval(st *state, sc *scope) any
}

type (
	constExpr struct{ value any }
	nameExpr  struct{ name string }
	listExpr  struct {
		items []expr
		tuple bool
	}
	dictExpr struct {
		line         int
		keys, values []expr
	}
	condExpr struct{ test, then, otherwise expr }
	// logicExpr is "and", or "or" where or is set.
	logicExpr struct {
		or   bool
		a, b expr
	}
	notExpr     struct{ x expr }
	compareExpr struct {
		first expr
		ops   []string
		rest  []expr
	}
	arithmeticExpr struct {
		line int
		op   string
		a, b expr
	}
	concatExpr struct{ items []expr }
	signExpr   struct {
		line int
		op   string
		x    expr
	}
	attrExpr struct {
		line int
		x    expr
		name string
	}
	itemExpr struct {
		line   int
		x, key expr
	}
	sliceExpr struct {
		line              int
		x, from, to, step expr
	}
	argList struct {
		positional          []expr
		names               []string
		named               []expr
		spread, spreadNamed expr
	}
	callExpr struct {
		line int
		fn   expr
		args argList
	}
	filterExpr struct {
		line int
		x    expr
		name string
		args argList
	}
	testExpr struct {
		line int
		x    expr
		name string
		args argList
	}
)

func (st *state) eval(x expr, sc *scope) any {
	st.step(1)
	st.enter()
	v := x.eval(st, sc)
	st.leave()
	return v
}

func (x *constExpr) eval(*state, *scope) any { return x.value }

func (x *nameExpr) eval(_ *state, sc *scope) any {
	if v, ok := sc.get(x.name); ok {
		return v
	}
	return &undefined{hint: "'" + x.name + "' is undefined"}
}

func (x *listExpr) eval(st *state, sc *scope) any {
	st.allocItems(len(x.items))
	l := &list{items: make([]any, len(x.items)), tuple: x.tuple}
	for i, item := range x.items {
		l.items[i] = st.eval(item, sc)
	}
	return l
}

func (x *dictExpr) eval(st *state, sc *scope) any {
	d := NewDict()
	for i := range x.keys {
		k := st.eval(x.keys[i], sc)
		st.line = x.line
		st.setItem(d, k, st.eval(x.values[i], sc))
	}
	return d
}

func (x *condExpr) eval(st *state, sc *scope) any {
	if st.truth(st.eval(x.test, sc)) {
		return st.eval(x.then, sc)
	}
	if x.otherwise == nil {
		return &undefined{hint: "the inline if evaluated to false and no else section was defined"}
	}
	return st.eval(x.otherwise, sc)
}

func (x *logicExpr) eval(st *state, sc *scope) any {
	a := st.eval(x.a, sc)
	if st.truth(a) == x.or {
		return a
	}
	return st.eval(x.b, sc)
}

func (x *notExpr) eval(st *state, sc *scope) any { return !st.truth(st.eval(x.x, sc)) }

func (x *compareExpr) eval(st *state, sc *scope) any {
	a := st.eval(x.first, sc)
	for i, op := range x.ops {
		b := st.eval(x.rest[i], sc)
		if !st.compare(op, a, b) {
			return false
		}
		a = b
	}
	return true
}

func (x *arithmeticExpr) eval(st *state, sc *scope) any {
	a := st.eval(x.a, sc)
	b := st.eval(x.b, sc)
	st.line = x.line
	return st.arithmetic(x.op, a, b)
}

func (x *concatExpr) eval(st *state, sc *scope) any {
	parts := make([]string, len(x.items))
	n := 0
	for i, item := range x.items {
		parts[i] = st.str(st.eval(item, sc))
		n += len(parts[i])
		st.alloc(0)
	}
	st.alloc(n)
	return join(parts)
}

func (x *signExpr) eval(st *state, sc *scope) any {
	v := st.eval(x.x, sc)
	st.line = x.line
	return st.sign(x.op, v)
}

func (x *attrExpr) eval(st *state, sc *scope) any {
	v := st.eval(x.x, sc)
	st.line = x.line
	return st.attr(v, x.name)
}

func (x *itemExpr) eval(st *state, sc *scope) any {
	v := st.eval(x.x, sc)
	k := st.eval(x.key, sc)
	st.line = x.line
	return st.item(v, k)
}

func (x *sliceExpr) eval(st *state, sc *scope) any {
	v := st.eval(x.x, sc)
	var bounds [3]any
	for i, b := range []expr{x.from, x.to, x.step} {
		if b != nil {
			bounds[i] = st.eval(b, sc)
		}
	}
	st.line = x.line
	return st.slice(v, bounds[0], bounds[1], bounds[2])
}

func (x *callExpr) eval(st *state, sc *scope) any {
	fn := st.eval(x.fn, sc)
	a := x.args.eval(st, sc)
	st.line = x.line
	return st.call(fn, a)
}

func (x *filterExpr) eval(st *state, sc *scope) any {
	v := st.eval(x.x, sc)
	a := x.args.eval(st, sc)
	st.line = x.line
	return st.filter(x.name, v, a)
}

func (x *testExpr) eval(st *state, sc *scope) any {
	v := st.eval(x.x, sc)
	a := x.args.eval(st, sc)
	st.line = x.line
	return st.test(x.name, v, a)
}

func (l *argList) eval(st *state, sc *scope) *args {
	a := &args{}
	if n := len(l.positional); n > 0 {
		a.positional = make([]any, 0, n)
	}
	for _, x := range l.positional {
		a.positional = append(a.positional, st.eval(x, sc))
	}
	for i, x := range l.named {
		a.named = append(a.named, namedArg{l.names[i], st.eval(x, sc)})
	}
	if l.spread != nil {
		items := st.iterate(st.eval(l.spread, sc))
		st.allocItems(len(items))
		a.positional = append(a.positional, items...)
	}
	if l.spreadNamed != nil {
		d, ok := st.eval(l.spreadNamed, sc).(*Dict)
		if !ok {
			st.typeError("argument after ** must be a mapping")
		}
		st.allocItems(2 * d.Len())
		for i, k := range d.keys {
			name, ok := text(k)
			if !ok {
				st.typeError("keywords must be strings")
			}
			a.named = append(a.named, namedArg{name, d.values[i]})
		}
	}
	return a
}

// args are the evaluated arguments of a call.
type args struct {
	positional []any
	named      []namedArg
}

type namedArg struct {
	name  string
	value any
}

// absent stands for an argument that wasn't given.
type absent struct{}

// bind assigns the arguments to parameters by place and name; absent{} where one isn't given. The first required
// parameters must be given.
func (a *args) bind(st *state, function string, required int, params ...string) []any {
	if len(a.positional) > len(params) {
		st.typeError("%s() takes at most %d argument(s)", function, len(params))
	}
	values := make([]any, len(params))
	for i := range values {
		values[i] = absent{}
	}
	copy(values, a.positional)
next:
	for _, n := range a.named {
		for i, p := range params {
			if p == n.name {
				if values[i] != any(absent{}) {
					st.typeError("%s() got multiple values for argument '%s'", function, p)
				}
				values[i] = n.value
				continue next
			}
		}
		st.typeError("%s() got an unexpected keyword argument '%s'", function, n.name)
	}
	for i := range required {
		if values[i] == any(absent{}) {
			st.typeError("%s() misses its argument '%s'", function, params[i])
		}
	}
	return values
}

// function is a built-in function or a method bound to its value.
type function struct {
	name string
	call func(st *state, a *args) any
}

// call calls a value.
func (st *state) call(fn any, a *args) any {
	switch f := fn.(type) {
	case *function:
		return f.call(st, a)
	case *macro:
		return f.invoke(st, a)
	case *loop:
		if f.recurse == nil {
			st.typeError("the loop must have the 'recursive' marker to be called recursively")
		}
		return f.recurse(st, a.bind(st, "loop", 1, "iterable")[0])
	case *joiner:
		if !f.used {
			f.used = true
			return ""
		}
		return f.separator
	case *undefined:
		st.undefinedError(f)
	}
	st.typeError("'%s' object is not callable", typeName(fn))
	return nil
}
