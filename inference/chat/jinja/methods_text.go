package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// A method of a text gets the state, the text, and its bound arguments, absent{} where one isn't given.
type textFunc struct {
	required int
	params   []string
	run      func(st *state, s string, p []any) any
}

// textMethod finds a method of the text s, which is v as a plain string. Results of a markup's method are markup.
func textMethod(v any, s, name string) (any, bool) {
	if name == "format" {
		return &function{name, func(st *state, a *args) any { return like(v, st.format(s, a)) }}, true
	}
	f, ok := textMethods[name]
	if !ok {
		return nil, false
	}
	return &function{name, func(st *state, a *args) any {
		p := a.bind(st, name, f.required, f.params...)
		st.scan(len(s))
		r := f.run(st, s, p)
		if t, ok := r.(string); ok {
			return like(v, t)
		}
		return r
	}}, true
}

var textMethods = map[string]textFunc{
	"upper":        {0, nil, func(st *state, s string, _ []any) any { return st.upper(s) }},
	"lower":        {0, nil, func(st *state, s string, _ []any) any { return st.lower(s) }},
	"casefold":     {0, nil, func(st *state, s string, _ []any) any { st.alloc(3 * len(s)); return cases.Fold().String(s) }},
	"capitalize":   {0, nil, func(st *state, s string, _ []any) any { return st.capitalize(s) }},
	"title":        {0, nil, func(st *state, s string, _ []any) any { return st.title(s) }},
	"swapcase":     {0, nil, swapcase},
	"strip":        {0, []string{"chars"}, func(st *state, s string, p []any) any { return st.strip(s, p[0], true, true) }},
	"lstrip":       {0, []string{"chars"}, func(st *state, s string, p []any) any { return st.strip(s, p[0], true, false) }},
	"rstrip":       {0, []string{"chars"}, func(st *state, s string, p []any) any { return st.strip(s, p[0], false, true) }},
	"split":        {0, []string{"sep", "maxsplit"}, func(st *state, s string, p []any) any { return st.split(s, p, false) }},
	"rsplit":       {0, []string{"sep", "maxsplit"}, func(st *state, s string, p []any) any { return st.split(s, p, true) }},
	"splitlines":   {0, []string{"keepends"}, splitlines},
	"partition":    {1, []string{"sep"}, func(st *state, s string, p []any) any { return st.partition(s, p[0], false) }},
	"rpartition":   {1, []string{"sep"}, func(st *state, s string, p []any) any { return st.partition(s, p[0], true) }},
	"startswith":   {1, []string{"prefix", "start", "end"}, func(st *state, s string, p []any) any { return st.affix(s, p, strings.HasPrefix) }},
	"endswith":     {1, []string{"suffix", "start", "end"}, func(st *state, s string, p []any) any { return st.affix(s, p, strings.HasSuffix) }},
	"removeprefix": {1, []string{"prefix"}, func(st *state, s string, p []any) any { return strings.TrimPrefix(s, st.textArg(p[0])) }},
	"removesuffix": {1, []string{"suffix"}, func(st *state, s string, p []any) any { return strings.TrimSuffix(s, st.textArg(p[0])) }},
	"replace": {2, []string{"old", "new", "count"}, func(st *state, s string, p []any) any {
		return st.replace(s, st.textArg(p[0]), st.textArg(p[1]), st.intArg(p[2], -1))
	}},
	"find":  {1, []string{"sub", "start", "end"}, func(st *state, s string, p []any) any { return st.find(s, p, strings.Index) }},
	"rfind": {1, []string{"sub", "start", "end"}, func(st *state, s string, p []any) any { return st.find(s, p, strings.LastIndex) }},
	"index": {1, []string{"sub", "start", "end"}, func(st *state, s string, p []any) any { return st.mustFind(s, p, strings.Index) }},
	"rindex": {1, []string{"sub", "start", "end"}, func(st *state, s string, p []any) any {
		return st.mustFind(s, p, strings.LastIndex)
	}},
	"count": {1, []string{"sub", "start", "end"}, func(st *state, s string, p []any) any {
		s, _ = st.window(s, p[1], p[2])
		return strings.Count(s, st.textArg(p[0]))
	}},
	"join": {1, []string{"iterable"}, func(st *state, s string, p []any) any {
		items := st.iterate(p[0])
		parts := make([]string, len(items))
		for i, item := range items {
			t, ok := text(item)
			if !ok {
				st.typeError("sequence item %d: expected str instance, %s found", i, typeName(item))
			}
			parts[i] = t
		}
		return st.join(parts, s)
	}},
	"ljust":  {1, []string{"width", "fillchar"}, func(st *state, s string, p []any) any { return st.justify(s, p, 0) }},
	"rjust":  {1, []string{"width", "fillchar"}, func(st *state, s string, p []any) any { return st.justify(s, p, 2) }},
	"center": {1, []string{"width", "fillchar"}, func(st *state, s string, p []any) any { return st.justify(s, p, 1) }},
	"zfill": {1, []string{"width"}, func(st *state, s string, p []any) any {
		n := st.intArg(p[0], 0) - utf8.RuneCountInString(s)
		if n <= 0 {
			return s
		}
		st.alloc(n + len(s))
		sign := ""
		if s != "" && (s[0] == '+' || s[0] == '-') {
			sign, s = s[:1], s[1:]
		}
		return sign + strings.Repeat("0", n) + s
	}},
	"expandtabs": {0, []string{"tabsize"}, expandtabs},
	"isspace":    {0, nil, every(isSpace)},
	"isalpha":    {0, nil, every(unicode.IsLetter)},
	"isdigit":    {0, nil, every(unicode.IsDigit)},
	"isdecimal":  {0, nil, every(unicode.IsDigit)},
	"isnumeric":  {0, nil, every(unicode.IsNumber)},
	"isalnum":    {0, nil, every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })},
	"isascii":    {0, nil, func(_ *state, s string, _ []any) any { return isASCII(s) }},
	"isupper": {0, nil, func(_ *state, s string, _ []any) any {
		return strings.IndexFunc(s, unicode.IsUpper) >= 0 && strings.IndexFunc(s, unicode.IsLower) < 0
	}},
	"islower": {0, nil, func(_ *state, s string, _ []any) any {
		return strings.IndexFunc(s, unicode.IsLower) >= 0 && strings.IndexFunc(s, unicode.IsUpper) < 0
	}},
	"isidentifier": {0, nil, func(_ *state, s string, _ []any) any {
		for i, r := range s {
			if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
				return false
			}
		}
		return s != ""
	}},
}

// every makes the method that reports whether a text isn't empty and all its characters are of a kind.
func every(is func(rune) bool) func(*state, string, []any) any {
	return func(_ *state, s string, _ []any) any {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return !is(r) }) < 0
	}
}

// textArg is an argument that must be a text.
func (st *state) textArg(v any) string {
	s, ok := text(v)
	if !ok {
		st.defined(v)
		st.typeError("expected a string, got %s", typeName(v))
	}
	st.scan(len(s))
	return s
}

// intArg is an argument that must be an integer, or fallback where it isn't given or None.
func (st *state) intArg(v any, fallback int) int {
	switch v.(type) {
	case absent, nil:
		return fallback
	}
	n, ok := integer(v)
	if !ok {
		st.defined(v)
		st.typeError("'%s' object cannot be interpreted as an integer", typeName(v))
	}
	return n
}

// isGiven reports whether an argument was given and isn't None.
func isGiven(v any) bool {
	_, missing := v.(absent)
	return !missing && v != nil
}

func (st *state) upper(s string) string {
	st.alloc(3 * len(s))
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func (st *state) lower(s string) string {
	st.alloc(3 * len(s))
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func (st *state) capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return titleCase(s[:n]) + st.lower(s[n:])
}

func titleCase(s string) string {
	if s == "ß" {
		return "Ss"
	}
	return strings.ToTitle(s)
}

// title begins every run of letters with a capital.
func (st *state) title(s string) string {
	s = st.lower(s)
	st.alloc(len(s))
	var b strings.Builder
	inside := false
	for _, r := range s {
		letter := unicode.IsUpper(r) || unicode.IsLower(r) || unicode.IsTitle(r)
		if letter && !inside {
			b.WriteString(titleCase(string(r)))
		} else {
			b.WriteRune(r)
		}
		inside = letter
	}
	return b.String()
}

func swapcase(st *state, s string, _ []any) any {
	st.alloc(2 * len(s))
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

// strip takes white space, or the given characters, off the chosen ends.
func (st *state) strip(s string, chars any, left, right bool) string {
	is := isSpace
	if isGiven(chars) {
		set := st.textArg(chars)
		st.step((1 + len(s)/64) * (1 + len(set)/8))
		is = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if left {
		s = strings.TrimLeftFunc(s, is)
	}
	if right {
		s = strings.TrimRightFunc(s, is)
	}
	return s
}

// split cuts at a separator, or at white space where none is given.
func (st *state) split(s string, p []any, fromRight bool) any {
	most := st.intArg(p[1], -1)
	var parts []string
	if !isGiven(p[0]) {
		parts = splitSpace(s, most, fromRight)
	} else {
		sep := st.textArg(p[0])
		if sep == "" {
			st.typeError("empty separator")
		}
		n := strings.Count(s, sep)
		if most >= 0 {
			n = min(n, most)
		}
		st.allocItems(2 * n)
		if !fromRight {
			parts = strings.SplitN(s, sep, n+1)
		} else {
			parts = make([]string, n+1)
			for ; n > 0; n-- {
				i := strings.LastIndex(s, sep)
				parts[n], s = s[i+len(sep):], s[:i]
			}
			parts[0] = s
		}
	}
	return st.texts(parts)
}

func splitSpace(s string, most int, fromRight bool) []string {
	if most < 0 {
		return strings.FieldsFunc(s, isSpace)
	}
	var parts []string
	if fromRight {
		for s = strings.TrimRightFunc(s, isSpace); s != "" && len(parts) < most; {
			i := strings.LastIndexFunc(s, isSpace)
			_, n := utf8.DecodeRuneInString(s[max(i, 0):])
			if i < 0 {
				n = 1
			}
			parts, s = append(parts, s[i+n:]), strings.TrimRightFunc(s[:max(i, 0)], isSpace)
		}
		if s != "" {
			parts = append(parts, s)
		}
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
		return parts
	}
	for s = strings.TrimLeftFunc(s, isSpace); s != "" && len(parts) < most; {
		i := strings.IndexFunc(s, isSpace)
		if i < 0 {
			i = len(s)
		}
		parts, s = append(parts, s[:i]), strings.TrimLeftFunc(s[i:], isSpace)
	}
	if s != "" {
		parts = append(parts, s)
	}
	return parts
}

// texts makes a list of texts.
func (st *state) texts(parts []string) *list {
	st.allocItems(2 * len(parts))
	l := &list{items: make([]any, len(parts))}
	for i, p := range parts {
		l.items[i] = p
	}
	return l
}

func splitlines(st *state, s string, p []any) any {
	keep := p[0] != any(absent{}) && st.truth(p[0])
	return st.texts(lines(s, keep))
}

// lines cuts a text where Python's splitlines does.
func lines(s string, keepEnds bool) []string {
	var parts []string
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool {
			return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
		})
		if i < 0 {
			return append(parts, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keepEnds {
			parts = append(parts, s[:i+n])
		} else {
			parts = append(parts, s[:i])
		}
		s = s[i+n:]
	}
	return parts
}

func (st *state) partition(s string, v any, fromRight bool) any {
	sep := st.textArg(v)
	if sep == "" {
		st.typeError("empty separator")
	}
	i := strings.Index(s, sep)
	if fromRight {
		i = strings.LastIndex(s, sep)
	}
	parts := []any{s, "", ""}
	if i >= 0 {
		parts = []any{s[:i], sep, s[i+len(sep):]}
	} else if fromRight {
		parts = []any{"", "", s}
	}
	return &list{items: parts, tuple: true}
}

// window is s[start:end] in code points, with the number of code points before it.
func (st *state) window(s string, start, end any) (string, int) {
	if !isGiven(start) && !isGiven(end) {
		return s, 0
	}
	n := utf8.RuneCountInString(s)
	bound := func(v any, fallback int) int {
		i := st.intArg(v, fallback)
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	from, to := bound(start, 0), bound(end, n)
	if from > to {
		return "", from
	}
	return cut(s, from, to), from
}

func (st *state) affix(s string, p []any, has func(s, affix string) bool) any {
	s, _ = st.window(s, p[1], p[2])
	if l, ok := p[0].(*list); ok && l.tuple {
		for _, item := range l.items {
			if has(s, st.textArg(item)) {
				return true
			}
		}
		return false
	}
	return has(s, st.textArg(p[0]))
}

func (st *state) find(s string, p []any, index func(s, sub string) int) int {
	s, from := st.window(s, p[1], p[2])
	i := index(s, st.textArg(p[0]))
	if i < 0 {
		return -1
	}
	return from + utf8.RuneCountInString(s[:i])
}

func (st *state) mustFind(s string, p []any, index func(s, sub string) int) int {
	i := st.find(s, p, index)
	if i < 0 {
		st.typeError("substring not found")
	}
	return i
}

// replace replaces the first count places, all where count is negative.
func (st *state) replace(s, old, new string, count int) string {
	n := strings.Count(s, old)
	if count >= 0 {
		n = min(n, count)
	}
	if n == 0 {
		return s
	}
	if len(new) > 0 && n > (1<<40)/len(new) {
		st.alloc(1 << 40)
	}
	st.alloc(max(len(s)-n*len(old), 0) + n*len(new))
	return strings.Replace(s, old, new, n)
}

// join is strings.Join within the budget.
func (st *state) join(parts []string, sep string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if len(sep) > 0 && len(parts) > (1<<40)/len(sep) {
		st.alloc(1 << 40)
	}
	st.alloc(n + len(sep)*len(parts))
	return strings.Join(parts, sep)
}

// justify pads a text to a width: after it (0), around it (1) or before it (2).
func (st *state) justify(s string, p []any, place int) string {
	fill := " "
	if isGiven(p[1]) {
		if fill = st.textArg(p[1]); utf8.RuneCountInString(fill) != 1 {
			st.typeError("The fill character must be exactly one character long")
		}
	}
	width := st.intArg(p[0], 0)
	n := width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	before := 0
	switch place {
	case 1:
		before = n/2 + n&width&1
	case 2:
		before = n
	}
	st.pad(n, len(fill)+len(s))
	return strings.Repeat(fill, before) + s + strings.Repeat(fill, n-before)
}

// pad counts n repetitions of a character of the given size.
func (st *state) pad(n, size int) { st.alloc(min(n, 1<<40) * min(size, 4)) }

func expandtabs(st *state, s string, p []any) any {
	size := st.intArg(p[0], 8)
	st.pad(min(max(size, 0), 1<<30)*strings.Count(s, "\t"), 1)
	st.alloc(len(s))
	var b strings.Builder
	column := 0
	for _, r := range s {
		switch {
		case r == '\t':
			if size > 0 {
				n := size - column%size
				b.WriteString(strings.Repeat(" ", n))
				column += n
			}
			continue
		case r == '\n' || r == '\r':
			column = -1
		}
		b.WriteRune(r)
		column++
	}
	return b.String()
}
