package jinja

import "math"

// globals are the functions every template has: Jinja's, and those Hugging Face adds for chat templates.
func globals() map[string]any {
	g := map[string]any{}
	for _, f := range []*function{
		{"range", makeRange},
		{"dict", func(st *state, a *args) any {
			d := NewDict()
			st.update(d, a)
			return d
		}},
		{"namespace", func(st *state, a *args) any {
			d := NewDict()
			st.update(d, a)
			return &namespace{d}
		}},
		{"cycler", func(st *state, a *args) any {
			if len(a.positional) == 0 {
				st.typeError("at least one item has to be provided")
			}
			return &cycler{items: a.positional}
		}},
		{"joiner", func(st *state, a *args) any {
			p := a.bind(st, "joiner", 0, "sep")
			if _, ok := p[0].(absent); ok {
				p[0] = ", "
			}
			return &joiner{separator: p[0]}
		}},
		{"raise_exception", func(st *state, a *args) any {
			p := a.bind(st, "raise_exception", 1, "message")
			st.fail(Raised, "%s", st.str(p[0]))
			return nil
		}},
		{"strftime_now", func(st *state, a *args) any {
			p := a.bind(st, "strftime_now", 1, "format")
			return strftime(st, st.now, st.textArg(p[0]))
		}},
	} {
		g[f.name] = f
	}
	return g
}

func makeRange(st *state, a *args) any {
	if len(a.named) > 0 || len(a.positional) == 0 || len(a.positional) > 3 {
		st.typeError("range expected 1 to 3 positional arguments")
	}
	r := &rangeValue{step: 1}
	n := make([]int, len(a.positional))
	for i, v := range a.positional {
		st.defined(v)
		var ok bool
		if n[i], ok = integer(v); !ok {
			st.typeError("'%s' object cannot be interpreted as an integer", typeName(v))
		}
	}
	if r.stop = n[0]; len(n) > 1 {
		r.start, r.stop = n[0], n[1]
	}
	if len(n) > 2 {
		r.step = n[2]
	}
	if r.step == 0 {
		st.typeError("range() arg 3 must not be zero")
	}
	var length float64
	if r.step > 0 && r.stop > r.start || r.step < 0 && r.stop < r.start {
		length = math.Ceil((float64(r.stop) - float64(r.start)) / float64(r.step))
	}
	if length > maxRange {
		st.fail(Limit, "the range has more than %d elements", maxRange)
	}
	r.n = int(length)
	return r
}
