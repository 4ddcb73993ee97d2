package tex

import (
	"fmt"
	"strings"
)

// arrayKind is how an array's rows and columns are spaced.
type arrayKind uint8

const (
	matrixArray arrayKind = iota
	smallArray
	casesArray
	alignedArray
	gatheredArray
	substackArray
)

// environments by name: the array's kind, what encloses it, and its columns' alignment, of which the last one repeats.
type environment struct {
	kind        arrayKind
	left, right rune
	columns     string
	argument    bool // one follows the name
	display     bool // its cells are set in display style
}

var environments = map[string]environment{
	"matrix": {columns: "c"}, "pmatrix": {left: '(', right: ')', columns: "c"}, "bmatrix": {left: '[', right: ']', columns: "c"},
	"Bmatrix": {left: '{', right: '}', columns: "c"}, "vmatrix": {left: '|', right: '|', columns: "c"}, "Vmatrix": {left: '‖', right: '‖', columns: "c"},
	"smallmatrix": {kind: smallArray, columns: "c"}, "array": {argument: true}, "subarray": {kind: substackArray, argument: true},
	"cases": {kind: casesArray, left: '{', columns: "l"}, "rcases": {kind: casesArray, right: '}', columns: "l"},
	"dcases":  {kind: casesArray, left: '{', columns: "l", display: true},
	"aligned": {kind: alignedArray, columns: "rl", display: true}, "align": {kind: alignedArray, columns: "rl", display: true},
	"split": {kind: alignedArray, columns: "rl", display: true}, "alignat": {kind: alignedArray, columns: "rl", argument: true, display: true},
	"alignedat": {kind: alignedArray, columns: "rl", argument: true, display: true}, "flalign": {kind: alignedArray, columns: "rl", display: true},
	"eqnarray": {kind: alignedArray, columns: "rcl", display: true},
	"gathered": {kind: gatheredArray, columns: "c", display: true}, "gather": {kind: gatheredArray, columns: "c", display: true},
	"multline": {kind: gatheredArray, columns: "c", display: true}, "equation": {kind: gatheredArray, columns: "c", display: true},
	"displaymath": {kind: gatheredArray, columns: "c", display: true}, "math": {kind: gatheredArray, columns: "c"},
}

// array is rows of cells.
type array struct {
	rows    []row
	kind    arrayKind
	columns string // letters l, c and r, and | for a line
	display bool
}

type row struct {
	cells [][]node
	lines int     // horizontal ones above it
	extra float32 // room below it
}

func (p *parser) environment() (node, error) {
	full, err := p.raw()
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(full, "*")
	e, ok := environments[name]
	if !ok {
		return nil, fmt.Errorf("the environment %q is not known", full)
	}
	a := &array{kind: e.kind, columns: e.columns, display: e.display}
	p.rawOption() // where it stands to the line around it
	if e.argument {
		columns, err := p.raw()
		if err != nil {
			return nil, err
		}
		if name == "array" {
			if a.columns = columnLetters(columns); strings.Trim(a.columns, "|") == "" {
				return nil, fmt.Errorf("%q are no columns", columns)
			}
		}
	}
	if a.rows, err = p.rows(func(t token) bool { return t.command == "end" }); err != nil {
		return nil, err
	}
	p.next()
	if end, err := p.raw(); err != nil || end != full {
		return nil, fmt.Errorf("\\begin{%s} has no end", full)
	}
	if e.left == 0 && e.right == 0 {
		return a, nil
	}
	return &fence{delimiters: []rune{e.left, e.right}, parts: [][]node{{a}}}, nil
}

// columnLetters keeps of an array's preamble what is drawn.
func columnLetters(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case depth == 0 && strings.ContainsRune("lcr|", r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// rows reads cells parted by & and \\ until stop.
func (p *parser) rows(stop func(token) bool) ([]row, error) {
	rows := []row{{}}
	ends := func(t token) bool {
		return t.r == '&' || t.command == "\\" || t.command == "cr" || t.command == "newline" || t.command == "hline" || stop(t)
	}
	for {
		list, err := p.list(ends)
		if err != nil {
			return nil, err
		}
		t := p.peek()
		current := &rows[len(rows)-1]
		if t.command == "hline" {
			if len(list) > 0 || len(current.cells) > 0 {
				return nil, fmt.Errorf("\\hline stands within a row")
			}
			p.next()
			current.lines++
			continue
		}
		current.cells = append(current.cells, list)
		if stop(t) {
			break
		}
		p.next()
		if err := p.count(); err != nil {
			return nil, err
		}
		if t.r != '&' {
			if p.at < len(p.src) && p.src[p.at] == '[' {
				p.rawOption()
				current.extra = 0.3
			}
			rows = append(rows, row{})
		}
	}
	if last := rows[len(rows)-1]; len(rows) > 1 && len(last.cells) == 1 && len(last.cells[0]) == 0 && last.lines == 0 {
		rows = rows[:len(rows)-1]
	}
	return rows, nil
}

func (a *array) class() class {
	if a.kind == matrixArray || a.kind == casesArray || a.kind == smallArray {
		return inner
	}
	return ordinary
}

// columnAt returns the alignment of a column, and whether lines stand before and, for the last one, after it.
func (a *array) columnAt(j int) byte {
	letters := strings.ReplaceAll(a.columns, "|", "")
	if letters == "" {
		return 'c'
	}
	if a.kind == alignedArray {
		return letters[j%len(letters)]
	}
	return letters[min(j, len(letters)-1)]
}

func (a *array) layout(l *layouter, s style) (box, error) {
	inside := style{level: text}
	lineHeight, columnGap, jot := float32(1.2), float32(1), float32(0)
	switch a.kind {
	case smallArray:
		inside, columnGap, lineHeight = style{level: scriptLevel}, 0.4, 0.7
	case casesArray:
		jot = 0.1
	case alignedArray, gatheredArray:
		jot = 0.35
	case substackArray:
		inside, columnGap, lineHeight = s, 0, 0.6*l.font.scales[min(s.level, scriptScript)]
	}
	if a.display {
		inside = style{level: display}
	}
	cells := make([][]box, len(a.rows))
	columns := 0
	for i, r := range a.rows {
		for j, c := range r.cells {
			if a.kind == alignedArray && j%2 == 1 { // as if something stood before a relation at its start
				c = append([]node{&group{}}, c...)
			}
			b, err := l.list(c, inside)
			if err != nil {
				return box{}, err
			}
			cells[i] = append(cells[i], b)
		}
		columns = max(columns, len(r.cells))
	}
	widths := make([]float32, columns)
	for _, r := range cells {
		for j, b := range r {
			widths[j] = max(widths[j], b.w)
		}
	}
	lefts := make([]float32, columns)
	x := float32(0)
	bars := a.bars(columns)
	if bars[0] > 0 {
		x += columnGap / 2
	}
	for j := range columns {
		if j > 0 {
			switch {
			case a.kind == alignedArray && len(a.columns) == 2 && j%2 == 1: // the relation's own space is enough
			case a.kind == alignedArray:
				x += 1.5
			default:
				x += columnGap
			}
		}
		lefts[j] = x
		x += widths[j]
	}
	if bars[columns] > 0 {
		x += columnGap / 2
	}
	b := box{w: x}
	y := float32(0) // top of the row, downwards from the array's top
	thick := l.font.constants[fractionRuleThickness]
	var lines []float32
	for i, r := range cells {
		h, d := 0.7*lineHeight, 0.3*lineHeight
		if a.kind == substackArray || a.kind == alignedArray || a.kind == gatheredArray {
			h, d = min(h, 0.7), min(d, 0.3)
		}
		for _, c := range r {
			h, d = max(h, c.h+0.05), max(d, c.d+0.05)
		}
		if i > 0 {
			y += jot
		}
		for range a.rows[i].lines {
			lines = append(lines, y)
			y += 0.12
		}
		if len(a.rows[i].cells) == 1 && len(a.rows[i].cells[0]) == 0 && i == len(cells)-1 && a.rows[i].lines > 0 {
			break // a line at the end stands in a row of its own
		}
		for j, c := range r {
			at := lefts[j]
			switch a.columnAt(j) {
			case 'c':
				at += (widths[j] - c.w) / 2
			case 'r':
				at += widths[j] - c.w
			}
			b.put(c, at, -y-h)
		}
		y += h + d + a.rows[i].extra
	}
	for _, at := range lines {
		b.rule(0, -at-thick, b.w, thick)
	}
	for j, n := range bars {
		at := float32(0)
		switch {
		case j == columns && columns > 0:
			at = b.w - thick
		case j > 0:
			at = lefts[j] - columnGap/2
		}
		for k := range n {
			b.rule(at+float32(k)*0.15, -y, thick, y)
		}
	}
	b.h, b.d = 0, y
	return b.raised(y/2 + l.axis(s)), nil
}

// bars returns how many vertical lines stand before each column, and after the last.
func (a *array) bars(columns int) []int {
	n := make([]int, columns+1)
	j := 0
	for _, r := range a.columns {
		if r == '|' {
			n[min(j, columns)]++
		} else {
			j++
		}
	}
	return n
}
