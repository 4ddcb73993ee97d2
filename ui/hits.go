package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference/chat"
	"burble/ui/look"
)

// hitHeight is the height of a row of what a search found.
const hitHeight float32 = 76

// maxHitFile is the widest that the name of a file stands before what was found in it.
const maxHitFile float32 = 120

// hitRow is a message that a search found: its chat, and the words around the match.
type hitRow struct {
	widget.BaseWidget
	sidebar *sidebar
	index   int
	hit     app.Hit
	hovered bool
	ground  *canvas.Rectangle
	title   *widget.Label
	when    *canvas.Text
	text    *snippet
}

func newHitRow(s *sidebar) *hitRow {
	r := &hitRow{sidebar: s, ground: canvas.NewRectangle(nil), title: widget.NewLabel(""), when: canvas.NewText("", nil), text: newSnippet()}
	r.ground.CornerRadius = 8
	r.title.Truncation, r.title.TextStyle = fyne.TextTruncateEllipsis, fyne.TextStyle{Bold: true}
	r.when.TextSize = 11.5
	r.ExtendBaseWidget(r)
	return r
}

func (r *hitRow) set(index int, h app.Hit) {
	r.index, r.hit = index, h
	name := h.Title
	if name == "" {
		name = lang.L("New chat")
	}
	r.title.SetText(name)
	r.when.Text = whenText(h.Created, r.sidebar.now())
	if h.Archived {
		r.when.Text = lang.L("Archived")
	}
	who := ""
	switch {
	case h.MessageID == 0 || h.File != "" && h.File == h.Snippet: // the title is the match, or a file's name
	case h.File != "":
		who = fitted(h.File, maxHitFile, snippetSize) + ":"
	case h.Role == chat.User:
		who = lang.L("You: ")
	}
	r.text.set(who, h.Snippet, h.Matches)
	r.Refresh()
}

// Tapped opens the chat at the message.
func (r *hitRow) Tapped(*fyne.PointEvent) { r.sidebar.open(r.index) }

// MouseIn lights the row up.
func (r *hitRow) MouseIn(*desktop.MouseEvent) { r.hovered = true; r.Refresh() }

// MouseMoved does nothing.
func (r *hitRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut puts the light out.
func (r *hitRow) MouseOut() { r.hovered = false; r.Refresh() }

// CreateRenderer is Fyne's.
func (r *hitRow) CreateRenderer() fyne.WidgetRenderer { return &hitRowRenderer{r} }

type hitRowRenderer struct{ r *hitRow }

func (w *hitRowRenderer) Destroy()           {}
func (w *hitRowRenderer) MinSize() fyne.Size { return fyne.NewSize(120, hitHeight) }
func (w *hitRowRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{w.r.ground, w.r.title, w.r.when, w.r.text}
}

func (w *hitRowRenderer) Layout(size fyne.Size) {
	r := w.r
	r.ground.Move(fyne.NewPos(4, 0))
	r.ground.Resize(size.SubtractWidthHeight(8, 0))
	end := r.when.MinSize()
	r.when.Resize(end)
	t := r.title.MinSize().Height
	r.when.Move(fyne.NewPos(size.Width-end.Width-16, 2+(t-end.Height)/2))
	r.title.Move(fyne.NewPos(6, 2))
	r.title.Resize(fyne.NewSize(max(size.Width-end.Width-24, 0), t))
	r.text.Move(fyne.NewPos(15, t-3))
	r.text.Resize(fyne.NewSize(size.Width-30, snippetLine*snippetLines))
}

func (w *hitRowRenderer) Refresh() {
	r, s := w.r, w.r.sidebar
	r.ground.FillColor = look.Color(look.ColorSidebar)
	if r.hovered {
		r.ground.FillColor = look.Color(theme.ColorNameHover)
	}
	r.ground.StrokeWidth, r.ground.StrokeColor = 0, nil
	if s.found.focused && r.index == s.cursor {
		r.ground.StrokeWidth, r.ground.StrokeColor = 2, look.Color(theme.ColorNameFocus)
	}
	r.when.Color = look.Color(look.ColorMuted)
	w.Layout(r.Size())
	for _, o := range w.Objects() {
		o.Refresh()
	}
}

// snippet draws the words around a match in two lines, the match with a mark behind it.
type snippet struct {
	widget.BaseWidget
	words []snippetWord
}

// snippetWord is a piece of text that is drawn in one colour and never broken.
type snippetWord struct {
	text    string
	marked  bool
	newLine bool // a blank stands before it, where a line may end
}

const (
	snippetSize  float32 = 12.5
	snippetLine  float32 = 18
	snippetLines         = 2
)

func newSnippet() *snippet {
	s := &snippet{}
	s.ExtendBaseWidget(s)
	return s
}

// set shows text after who, with the byte ranges of matches marked. What stands long before the first match is left out.
func (s *snippet) set(who, text string, matches [][2]int) {
	s.words = snippetWords(who, text, matches)
	s.Refresh()
}

// beforeMatch is how many characters before the first match are shown: the first line has room for about twice as many.
const beforeMatch = 24

// snippetWords cuts text into what can be laid out.
func snippetWords(who, text string, matches [][2]int) []snippetWord {
	from := 0
	if len(matches) > 0 && utf8.RuneCountInString(text[:matches[0][0]]) > beforeMatch {
		cut := matches[0][0]
		for range beforeMatch {
			_, n := utf8.DecodeLastRuneInString(text[:cut])
			cut -= n
		}
		if i := strings.IndexByte(text[cut:matches[0][0]], ' '); i >= 0 {
			cut += i + 1
		}
		from = cut
	}
	var words []snippetWord
	if who != "" {
		words = append(words, snippetWord{text: strings.TrimSpace(who)})
	}
	if from > 0 {
		words = append(words, snippetWord{text: "…", newLine: true})
	}
	var b strings.Builder
	blank, marked := from == 0, false
	flush := func() {
		if b.Len() > 0 {
			words = append(words, snippetWord{b.String(), marked, blank})
			b.Reset()
			blank = false
		}
	}
	next := 0
	for i, r := range text {
		if i < from {
			continue
		}
		for next < len(matches) && i >= matches[next][1] {
			next++
		}
		in := next < len(matches) && i >= matches[next][0]
		if in != marked {
			flush()
			marked = in
		}
		if r == '`' || r == '*' { // Markdown's marks say nothing here
			continue
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			flush()
			blank = true
			continue
		}
		wide := r >= 0x2e80 // written without spaces: a line may end anywhere
		if wide && !in {
			flush()
		}
		b.WriteRune(r)
		if b.Len() > 60 || wide && !in {
			flush()
		}
	}
	flush()
	return words
}

// CreateRenderer is Fyne's.
func (s *snippet) CreateRenderer() fyne.WidgetRenderer { return &snippetRenderer{s: s} }

type snippetRenderer struct {
	s       *snippet
	objects []fyne.CanvasObject
}

func (r *snippetRenderer) Destroy()                     {}
func (r *snippetRenderer) MinSize() fyne.Size           { return fyne.NewSize(40, snippetLine*snippetLines) }
func (r *snippetRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *snippetRenderer) Refresh()                     { r.Layout(r.s.Size()) }

// Layout makes a text of each run of words in one colour, line by line.
func (r *snippetRenderer) Layout(size fyne.Size) {
	if size.Width <= 0 {
		return
	}
	r.objects = r.objects[:0]
	space := fyne.MeasureText(" ", snippetSize, fyne.TextStyle{}).Width
	x, line := float32(0), 0
	var marks, texts []fyne.CanvasObject
	put := func(text string, marked bool, width float32) {
		t := canvas.NewText(text, look.Color(look.ColorMuted))
		t.TextSize = snippetSize
		if marked {
			t.Color = look.Color(theme.ColorNameForeground)
			m := canvas.NewRectangle(look.Color(theme.ColorNameSelection))
			m.CornerRadius = 3
			m.Move(fyne.NewPos(x-1, float32(line)*snippetLine+1))
			m.Resize(fyne.NewSize(width+2, snippetLine-2))
			marks = append(marks, m)
		}
		t.Move(fyne.NewPos(x, float32(line)*snippetLine))
		t.Resize(fyne.NewSize(width, snippetLine))
		texts = append(texts, t)
		x += width
	}
	dots := fyne.MeasureText("…", snippetSize, fyne.TextStyle{}).Width
	for i, word := range r.s.words {
		width := fyne.MeasureText(word.text, snippetSize, fyne.TextStyle{}).Width
		gap := float32(0)
		if word.newLine && x > 0 {
			gap = space
		}
		room := size.Width
		if line == snippetLines-1 && i < len(r.s.words)-1 {
			room -= dots
		}
		if x+gap+width > room && x > 0 {
			if line == snippetLines-1 {
				put("…", false, dots)
				break
			}
			line, x, gap = line+1, 0, 0
		}
		x += gap
		put(word.text, word.marked, min(width, size.Width-x))
	}
	r.objects = append(append(r.objects, marks...), texts...)
	canvas.Refresh(r.s)
}
