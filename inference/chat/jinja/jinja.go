// Package jinja renders the chat templates that come with language models.
//
// It is a subset of Jinja2 as Hugging Face's chat templates use it: trim_blocks and lstrip_blocks are on, break and
// continue exist, tojson writes plain JSON, raise_exception and strftime_now are global functions. Values behave as
// Python's do: strings count code points, dictionaries keep their order, True prints as True. There is nothing that
// reads a file or another template: include, import and extends are errors.
//
// A template comes with a downloaded model and is not to be trusted. Every step, every byte built and every level of
// nesting is counted against a budget, so that a render ends soon, whatever the template says.
//
// The language is described at https://jinja.palletsprojects.com/en/stable/templates/.
package jinja

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// Kind says what kind of failure a [TemplateError] is.
type Kind int

const (
	Syntax    Kind = iota + 1 // the source is no valid template
	Raised                    // the template called raise_exception
	Undefined                 // an undefined value was used
	Type                      // an operation met a value that it is not made for
	Limit                     // a budget was used up
	Internal                  // a fault in this package
)

// TemplateError is every failure to parse or render a template.
type TemplateError struct {
	Kind    Kind
	Message string
	Line    int // line of the template source, from 1; 0 where it isn't known
}

// Error gives the message with the line it belongs to.
func (e *TemplateError) Error() string {
	if e.Kind == Raised {
		return e.Message
	}
	if e.Line > 0 {
		return fmt.Sprintf("chat template, line %d: %s", e.Line, e.Message)
	}
	return "chat template: " + e.Message
}

// Budgets of a render, unless its [Options] say otherwise. Templates of real models need a few thousand steps for a
// short conversation; those that look back from every message at all earlier ones need some millions for a long one.
const (
	defaultSteps = 20_000_000
	defaultBytes = 128 << 20
	defaultDepth = 4000

	maxSource = 4 << 20 // bytes of template source
	maxRange  = 100_000 // elements of a range, as in Jinja's sandbox
)

// Options are the settings of one render.
type Options struct {
	Now   time.Time // what strftime_now sees; the zero time means the clock
	Steps int       // evaluation steps allowed; 0 means the default
	Bytes int       // bytes of text and lists that may be built; 0 means the default plus 64 times the input
}

// Template is a parsed template. It is not changed by rendering and may be rendered from several goroutines at once.
type Template struct {
	body []stmt
}

// Parse reads a template. The error is a *[TemplateError] of kind [Syntax].
func Parse(src string) (t *Template, err error) {
	if len(src) > maxSource {
		return nil, &TemplateError{Kind: Syntax, Message: fmt.Sprintf("the template is longer than %d MiB", maxSource>>20)}
	}
	defer rescue(&err)
	p := &parser{tokens: lex(strings.ToValidUTF8(src, "\uFFFD"))}
	body := p.parseBody()
	return &Template{body: body}, nil
}

// Render runs the template. Variables may be nil, booleans, numbers, strings, slices, maps with string keys, and
// *[Dict] where the order of keys matters; the template cannot change them. The error is a *[TemplateError].
func (t *Template) Render(vars map[string]any, o Options) (text string, err error) {
	defer rescue(&err)
	st := &state{now: o.Now, steps: o.Steps, bytes: o.Bytes, out: &strings.Builder{}}
	if st.now.IsZero() {
		st.now = time.Now()
	}
	if st.steps <= 0 {
		st.steps = defaultSteps
	}
	root := &scope{parent: &scope{vars: globals()}, vars: make(map[string]any, len(vars)+8)}
	in := converter{}
	for name, v := range vars {
		root.vars[name] = in.value(v, 0)
	}
	if st.bytes <= 0 {
		st.bytes = defaultBytes + 64*in.size
	}
	st.run(t.body, root)
	return st.out.String(), nil
}

// rescue turns a failure thrown inside the package into an error. A fault of the package itself becomes an error
// too: a chat must not be lost because a template found a hole.
func rescue(err *error) {
	switch e := recover().(type) {
	case nil:
	case *TemplateError:
		*err = e
	case runtime.Error:
		*err = &TemplateError{Kind: Internal, Message: "internal fault: " + e.Error()}
	default:
		panic(e)
	}
}

// state is one render under way.
type state struct {
	out   *strings.Builder
	now   time.Time
	steps int // left
	bytes int // left
	depth int
	line  int
}

// fail ends the render.
func (st *state) fail(kind Kind, format string, args ...any) {
	panic(&TemplateError{Kind: kind, Message: fmt.Sprintf(format, args...), Line: st.line})
}

// typeError ends the render with an error of kind Type.
func (st *state) typeError(format string, args ...any) { st.fail(Type, format, args...) }

// step counts n steps.
func (st *state) step(n int) {
	if st.steps -= n; st.steps < 0 {
		st.fail(Limit, "the template takes too many steps")
	}
}

// scan counts the reading of n bytes.
func (st *state) scan(n int) { st.step(1 + n/64) }

// alloc counts n bytes about to be built.
func (st *state) alloc(n int) {
	st.step(1 + n/256)
	if n < 0 || n > st.bytes {
		st.fail(Limit, "the template builds too much text")
	}
	st.bytes -= n
}

// allocItems counts a list of n elements about to be built.
func (st *state) allocItems(n int) {
	if n > 1<<40 {
		n = 1 << 40
	}
	st.alloc(16 * n)
}

// enter counts one level of nesting; leave undoes it. A failure needs no leave: it ends the render.
func (st *state) enter() {
	if st.depth++; st.depth > defaultDepth {
		st.fail(Limit, "the template nests too deeply")
	}
}

func (st *state) leave() { st.depth-- }

// write adds to the output.
func (st *state) write(s string) {
	st.alloc(len(s))
	st.out.WriteString(s)
}

// capture runs f and returns what it wrote.
func (st *state) capture(f func()) string {
	outer := st.out
	st.out = &strings.Builder{}
	f()
	s := st.out.String()
	st.out = outer
	return s
}

// scope holds the variables of a template, a macro call, a loop's pass or a block. Most have few, which stand in a
// short array; the rest go into a map.
type scope struct {
	parent *scope
	few    [4]binding
	n      int // bindings in few
	vars   map[string]any
}

type binding struct {
	name  string
	value any
}

func (sc *scope) get(name string) (any, bool) {
	for ; sc != nil; sc = sc.parent {
		if b := sc.find(name); b != nil {
			return b.value, true
		}
		if v, ok := sc.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (sc *scope) find(name string) *binding {
	for i := range sc.few[:sc.n] {
		if sc.few[i].name == name {
			return &sc.few[i]
		}
	}
	return nil
}

func (sc *scope) set(name string, v any) {
	if b := sc.find(name); b != nil {
		b.value = v
		return
	}
	if sc.vars == nil && sc.n < len(sc.few) {
		sc.few[sc.n] = binding{name, v}
		sc.n++
		return
	}
	if sc.vars == nil {
		sc.vars = make(map[string]any, 8)
	}
	sc.vars[name] = v
}
