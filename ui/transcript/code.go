package transcript

import (
	"strings"
	"time"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	fynecontainer "fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"

	"burble/ui/look"
	"burble/ui/markdown"
)

// codeBlock shows code with its language, a copy button, and colours. Long lines scroll sideways, or are
// wrapped where the user wants that.
type codeBlock struct {
	container
	language string
	code     string
	ground   *canvas.Rectangle
	line     *canvas.Rectangle
	label    *canvas.Text
	copy     *look.Button
	wrap     *look.Button
	wrapped  bool
	told     bool // a window is set from outside
	text     *codeText
	bar      *sideScroll
}

const (
	codeHead = 36
	codeX    = 16
	codeY    = 12
)

func newCodeBlock(b builder, language, code string) *codeBlock {
	c := &codeBlock{
		language: language,
		ground:   canvas.NewRectangle(look.Color(look.ColorSurface)),
		line:     canvas.NewRectangle(look.Color(look.ColorBorder)),
		label:    canvas.NewText(languageName(language), look.Color(look.ColorMuted)),
		text:     newCodeText(),
	}
	c.ground.CornerRadius, c.ground.StrokeWidth, c.ground.StrokeColor = look.Radius, 1, look.Color(look.ColorBorder)
	c.label.TextSize = look.SmallSize
	c.copy = look.NewButton(look.IconCopy, lang.L("Copy"), look.Ghost, nil)
	c.copy.Height, c.copy.TextSize, c.copy.Color = 26, look.SmallSize, look.ColorMuted
	c.copy.OnTapped = func() {
		b.host.copyText(c.code)
		c.copy.Set(look.IconCheck, lang.L("Copied"), look.Ghost)
		b.host.later(copiedFor, func() { c.copy.Set(look.IconCopy, lang.L("Copy"), look.Ghost) })
	}
	c.wrap = look.NewButton(look.Icon{}, lang.L("Wrap"), look.Ghost, func() { c.setWrapped(!c.wrapped); b.host.relayout(c) })
	c.wrap.Height, c.wrap.TextSize, c.wrap.Color = 26, look.SmallSize, look.ColorMuted
	own(b.host, c.copy)
	own(b.host, c.wrap)
	c.bar = newSideScroll(c.text, b.host)
	c.objects = []fyne.CanvasObject{c.ground, c.line, c.label, c.wrap, c.copy, c.bar}
	c.ExtendBaseWidget(c)
	c.setCode(code)
	return c
}

func (c *codeBlock) update(m *markdown.Block) bool {
	if m.Kind != markdown.Code || m.Language != c.language {
		return false
	}
	if m.Code != c.code {
		c.setCode(m.Code)
	}
	return true
}

func (c *codeBlock) setCode(code string) {
	c.code = code
	c.text.set(c.language, code)
	c.width = 0
}

// setWrapped has long lines broken, or not.
func (c *codeBlock) setWrapped(on bool) {
	c.wrapped = on
	style := look.Ghost
	if on {
		style = look.Soft
	}
	c.wrap.Set(look.Icon{}, lang.L("Wrap"), style)
	c.width = 0
}

func (c *codeBlock) heightFor(width float32) float32 {
	if width == c.width {
		return c.height
	}
	c.width = width
	columns := 0
	if c.wrapped {
		columns = max(int((width-2-2*codeX)/codeAdvance()), 8)
	}
	c.text.wrapAt(columns)
	size := c.text.MinSize()
	c.height = codeHead + size.Height
	c.ground.Resize(fyne.NewSize(width, c.height))
	c.line.Resize(fyne.NewSize(width-2, 1))
	c.line.Move(fyne.NewPos(1, codeHead-1))
	l := c.label.MinSize()
	c.label.Resize(l)
	c.label.Move(fyne.NewPos(codeX, (codeHead-l.Height)/2))
	b := c.copy.MinSize()
	b.Width = max(b.Width, 90) // "Copied" is wider than "Copy"; the button stays where it is
	c.copy.Resize(b)
	c.copy.Move(fyne.NewPos(width-b.Width-4, (codeHead-b.Height)/2))
	w := c.wrap.MinSize()
	c.wrap.Resize(w)
	c.wrap.Move(fyne.NewPos(width-b.Width-w.Width-8, (codeHead-w.Height)/2))
	c.bar.Move(fyne.NewPos(1, codeHead))
	c.bar.Resize(fyne.NewSize(width-2, size.Height))
	if !c.told { // inside of a list or a quote: all of it is drawn
		c.text.setWindow(0, size.Height)
	}
	c.bar.Scroll.Refresh()
	return c.height
}

func (c *codeBlock) setWindow(top, bottom float32) {
	c.told = true
	c.text.setWindow(top-codeHead, bottom-codeHead)
}

// codeText is the code's lines. Only those inside the window have canvas objects.
type codeText struct {
	widget.BaseWidget
	code    string
	source  []codeLine // as they are in the code
	lines   []codeLine // as they are shown
	columns int        // lines are broken after so many characters; 0: never
	size    fyne.Size
	from    int // lines[from:to] are drawn
	to      int
	objects []fyne.CanvasObject
	took    time.Duration // what the last highlighting took
	at      time.Time     // and when it was
}

type codeLine []codeRun

type codeRun struct {
	text  string
	color fyne.ThemeColorName
}

func newCodeText() *codeText {
	t := &codeText{}
	t.ExtendBaseWidget(t)
	return t
}

// wrap breaks a line after every so many characters. Code is not broken at words: that would hide where blanks are.
func (l codeLine) wrap(columns int) []codeLine {
	lines, room := []codeLine{nil}, columns
	for _, r := range l {
		for rest := []rune(r.text); len(rest) > 0; {
			if room == 0 {
				lines, room = append(lines, nil), columns
			}
			n := min(room, len(rest))
			last := len(lines) - 1
			lines[last] = append(lines[last], codeRun{string(rest[:n]), r.color})
			rest, room = rest[n:], room-n
		}
	}
	return lines
}

// codeAdvance is the width of a character.
func codeAdvance() float32 { return fyne.MeasureText("0", look.CodeSize, codeStyle).Width }

func codeLineHeight() float32 { return 21 }

var codeStyle = fyne.TextStyle{Monospace: true}

// set replaces the code. While code streams in, colours may lag: highlighting gets a tenth of the time.
func (t *codeText) set(language, code string) {
	if grown, ok := strings.CutPrefix(code, t.code); ok && t.code != "" && time.Since(t.at) < 10*t.took {
		t.append(grown)
	} else {
		start := time.Now()
		t.source = highlight(language, code)
		t.at = time.Now()
		t.took = t.at.Sub(start)
	}
	t.code = code
	t.arrange()
}

// wrapAt breaks lines after a number of characters; 0: never.
func (t *codeText) wrapAt(columns int) {
	if columns != t.columns {
		t.columns = columns
		t.arrange()
	}
}

// arrange makes the shown lines of the code's.
func (t *codeText) arrange() {
	t.lines = t.source
	if t.columns > 0 {
		t.lines = nil
		for _, l := range t.source {
			t.lines = append(t.lines, l.wrap(t.columns)...)
		}
	}
	longest := 0
	for _, l := range t.lines {
		n := 0
		for _, r := range l {
			n += utf8.RuneCountInString(r.text)
		}
		longest = max(longest, n)
	}
	t.size = fyne.NewSize(float32(longest)*codeAdvance()+2*codeX, float32(len(t.lines))*codeLineHeight()+2*codeY)
	t.from, t.to = 0, 0
}

// append adds text without colours.
func (t *codeText) append(grown string) {
	for i, line := range strings.Split(grown, "\n") {
		line = strings.ReplaceAll(line, "\t", tab)
		if i > 0 || len(t.source) == 0 {
			t.source = append(t.source, nil)
		}
		if line != "" {
			last := len(t.source) - 1
			t.source[last] = append(t.source[last], codeRun{line, theme.ColorNameForeground})
		}
	}
}

// MinSize is the size of all lines.
func (t *codeText) MinSize() fyne.Size { return t.size }

func (t *codeText) setWindow(top, bottom float32) {
	from := min(max(int((top-codeY)/codeLineHeight())-2, 0), len(t.lines))
	to := min(max(int((bottom-codeY)/codeLineHeight())+3, from), len(t.lines))
	if from == t.from && to == t.to {
		return
	}
	t.from, t.to = from, to
	t.sync()
}

// sync makes the canvas objects of the lines in the window, reusing what is there.
func (t *codeText) sync() {
	n := 0
	for i := t.from; i < t.to; i++ {
		x := float32(codeX)
		for _, r := range partWide(t.lines[i]) {
			if n == len(t.objects) {
				text := canvas.NewText("", nil)
				text.TextSize, text.TextStyle = look.CodeSize, codeStyle
				t.objects = append(t.objects, text)
			}
			text := t.objects[n].(*canvas.Text)
			n++
			style, lift := codeStyle, float32(0)
			if isWide(r.text) {
				style, lift = fyne.TextStyle{}, wideLift
			}
			if c := look.Color(r.color); text.Text != r.text || text.Color != c || text.TextStyle != style {
				text.Text, text.Color, text.TextStyle = r.text, c, style
				text.Refresh()
			}
			s := text.MinSize()
			text.Resize(s)
			text.Move(fyne.NewPos(x, codeY+float32(i)*codeLineHeight()+(codeLineHeight()-s.Height)/2-lift))
			x += s.Width
		}
	}
	t.objects = t.objects[:n]
	canvas.Refresh(t)
}

// wideLift brings Chinese, Japanese and Korean characters up to the baseline of the code beside them.
const wideLift = 2

// partWide parts a line's runs between the characters that the font for code has and the wide ones that another font
// draws: that one is higher, and Fyne would cut off what it draws in the room of a line of code.
func partWide(l codeLine) codeLine {
	var out codeLine
	for i, r := range l {
		rest := r.text
		if !strings.ContainsFunc(rest, wideRune) {
			if out != nil {
				out = append(out, r)
			}
			continue
		}
		if out == nil {
			out = append(make(codeLine, 0, len(l)+4), l[:i]...)
		}
		for rest != "" {
			wide := isWide(rest)
			end := strings.IndexFunc(rest, func(c rune) bool { return wideRune(c) != wide })
			if end < 0 {
				end = len(rest)
			}
			out = append(out, codeRun{rest[:end], r.color})
			rest = rest[end:]
		}
	}
	if out == nil {
		return l
	}
	return out
}

func isWide(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return wideRune(r)
}

func wideRune(r rune) bool {
	return r >= 0x2e80 && r < 0xd800 || r >= 0xf900 && r < 0xfb00 || r >= 0xfe30 && r < 0xfe50 || r >= 0xff00 && r < 0xfff0 || r >= 0x20000 && r < 0x32000
}

// CreateRenderer is Fyne's.
func (t *codeText) CreateRenderer() fyne.WidgetRenderer { return &codeTextRenderer{t} }

type codeTextRenderer struct{ t *codeText }

func (r *codeTextRenderer) Destroy()                     {}
func (r *codeTextRenderer) MinSize() fyne.Size           { return r.t.size }
func (r *codeTextRenderer) Layout(fyne.Size)             {}
func (r *codeTextRenderer) Objects() []fyne.CanvasObject { return r.t.objects }
func (r *codeTextRenderer) Refresh()                     { r.t.sync() }

const tab = "    "

// highlight splits code into coloured lines. Code in an unknown language has one colour.
func highlight(language, code string) []codeLine {
	code = strings.ReplaceAll(code, "\t", tab)
	lexer := lexers.Get(language)
	if language == "" || lexer == nil {
		return plainLines(code)
	}
	it, err := chroma.Coalesce(lexer).Tokenise(nil, code)
	if err != nil {
		return plainLines(code)
	}
	lines := []codeLine{nil}
	for _, token := range it.Tokens() {
		color := codeColor(token.Type)
		for i, part := range strings.Split(token.Value, "\n") {
			if i > 0 {
				lines = append(lines, nil)
			}
			if part == "" {
				continue
			}
			line := &lines[len(lines)-1]
			if n := len(*line); n > 0 && ((*line)[n-1].color == color || strings.TrimSpace(part) == "") {
				(*line)[n-1].text += part
				continue
			}
			*line = append(*line, codeRun{part, color})
		}
	}
	if want := strings.Count(code, "\n") + 1; len(lines) > want { // lexers end their input with a line break
		lines = lines[:want]
	}
	return lines
}

func plainLines(code string) []codeLine {
	var lines []codeLine
	for line := range strings.SplitSeq(code, "\n") {
		if line == "" {
			lines = append(lines, nil)
			continue
		}
		lines = append(lines, codeLine{{line, theme.ColorNameForeground}})
	}
	return lines
}

func codeColor(t chroma.TokenType) fyne.ThemeColorName {
	switch {
	case t.InCategory(chroma.Comment):
		return look.ColorCodeComment
	case t == chroma.KeywordType, t == chroma.NameClass, t == chroma.NameBuiltin:
		return look.ColorCodeType
	case t.InCategory(chroma.Keyword), t == chroma.OperatorWord, t == chroma.NameTag:
		return look.ColorCodeKeyword
	case t.InSubCategory(chroma.LiteralString):
		return look.ColorCodeString
	case t.InCategory(chroma.Literal):
		return look.ColorCodeNumber
	case t.InSubCategory(chroma.NameFunction), t == chroma.NameAttribute, t == chroma.NameDecorator:
		return look.ColorCodeFunction
	}
	return theme.ColorNameForeground
}

// languageName returns a language's name as its own people write it.
func languageName(language string) string {
	if language == "" {
		return lang.L("code")
	}
	if l := lexers.Get(language); l != nil {
		return l.Config().Name
	}
	return language
}

// sideScroll scrolls its content sideways. A wheel that turns up or down is passed on to the transcript, where Fyne's
// own scroller would take it for itself.
type sideScroll struct {
	fynecontainer.Scroll
	host host
}

func newSideScroll(content fyne.CanvasObject, h host) *sideScroll {
	s := &sideScroll{host: h}
	s.Direction = fynecontainer.ScrollHorizontalOnly
	s.Content = content
	s.ExtendBaseWidget(s)
	return s
}

// Scrolled scrolls sideways, or passes the event on.
func (s *sideScroll) Scrolled(e *fyne.ScrollEvent) {
	sideways := e.Scrolled.DX*e.Scrolled.DX > e.Scrolled.DY*e.Scrolled.DY
	if sideways && s.Content.MinSize().Width > s.Size().Width {
		s.Scroll.Scrolled(e)
		return
	}
	s.host.scrolled(e)
}
