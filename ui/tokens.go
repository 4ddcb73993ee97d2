package ui

import (
	"image/color"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/inference"
	"burble/ui/look"
)

// tokensSheet shows an answer as tokens: how sure the model was of each, what else could have stood there, and a way to go on from that.
type tokensSheet struct {
	*sheet
	id      int64
	field   *tokenField
	scroll  *container.Scroll
	hint    *widget.Label
	choices *fyne.Container
	content *fyne.Container
}

// mostTokens is how many tokens are shown at once.
const mostTokens = 3000

// openTokens asks for the tokens of an answer, and shows them when they have come.
func (w *window) openTokens(m app.Message) {
	if err := w.b.Chats.Tokens(m.ID); err != nil {
		w.report(err)
		return
	}
	x := &tokensSheet{id: m.ID}
	x.hint = widget.NewLabel(lang.L("Reading the answer again…"))
	x.hint.Wrapping, x.hint.Importance = fyne.TextWrapWord, widget.LowImportance
	x.field = newTokenField(x.chosen, func(k *fyne.KeyEvent) { w.escapeKey(k) })
	x.scroll = container.NewVScroll(x.field)
	x.choices = container.New(layout.NewCustomPaddedVBoxLayout(2))
	x.content = container.NewBorder(x.hint, x.choices, nil, nil, x.scroll)
	x.sheet = w.openSheet(lang.L("The answer, token by token"), x.content, nil, fyne.NewSize(760, 640))
	x.sheet.closed = func() { w.tokens = nil }
	w.tokens = x
}

// scored shows the tokens.
func (x *tokensSheet) scored(v app.TokenView) {
	if v.MessageID != x.id {
		return
	}
	if v.Err != nil {
		x.hint.Importance = widget.DangerImportance
		x.hint.SetText(sentence(v.Err.Error()))
		return
	}
	text := lang.L("The redder a token, the less likely it was. Choose one to see what else could have stood there.")
	if len(v.Scores) > mostTokens {
		text += " " + lang.L("These are the first {{.Count}} of {{.All}}.", map[string]any{"Count": countText(mostTokens), "All": countText(len(v.Scores))})
		v.Scores = v.Scores[:mostTokens]
	}
	x.hint.SetText(text)
	x.field.set(v.Scores)
	x.w.win.Canvas().Focus(x.field)
}

// chosen shows what could stand in the place of a token.
func (x *tokensSheet) chosen(i int) {
	x.choices.RemoveAll()
	s := x.field.scores[i]
	head := widget.NewLabel(lang.L("Token {{.Number}}: {{.Text}}, {{.Percent}}. Probabilities are the model's own, before sampling.", map[string]any{
		"Number": i + 1, "Text": tokenText(s.Token.Text), "Percent": likelihood(s.Token.P)}))
	head.Wrapping, head.SizeName = fyne.TextWrapWord, theme.SizeNameCaptionText
	x.choices.Add(head)
	for _, a := range s.Best {
		bar := newMeter()
		bar.set(a.P)
		name := widget.NewLabel(tokenText(a.Text))
		name.TextStyle.Monospace, name.Truncation = true, fyne.TextTruncateEllipsis
		p := widget.NewLabel(likelihood(a.P))
		p.Alignment = fyne.TextAlignTrailing
		var act fyne.CanvasObject = widget.NewLabel(lang.L("as written"))
		if a.ID != s.Token.ID {
			b := look.NewButton(look.IconRight, lang.L("Go on from here"), look.Soft, func() { x.branch(i, a.ID) })
			b.Height = 28
			b.OnKey = func(k *fyne.KeyEvent) { x.w.escapeKey(k) }
			act = container.NewCenter(b)
		}
		left := container.New(fixedWidth(130), name)
		right := container.NewHBox(container.New(fixedWidth(76), p), container.New(fixedWidth(170), act))
		x.choices.Add(container.NewBorder(nil, nil, left, right, container.New(layout.NewCustomPaddedLayout(14, 14, 0, 0), bar)))
	}
	x.content.Refresh()
	x.show(i)
}

// show scrolls so that a token is in sight.
func (x *tokensSheet) show(i int) {
	at := x.field.at(i)
	if at.Y < x.scroll.Offset.Y {
		x.scroll.ScrollToOffset(fyne.NewPos(0, at.Y))
	} else if bottom := at.Y + x.field.line(); bottom > x.scroll.Offset.Y+x.scroll.Size().Height {
		x.scroll.ScrollToOffset(fyne.NewPos(0, bottom-x.scroll.Size().Height))
	}
}

// branch has the answer written anew from a token on.
func (x *tokensSheet) branch(at int, token int32) {
	if err := x.w.b.Chats.Branch(x.id, at, token); err != nil {
		x.w.report(err)
		return
	}
	w := x.w
	x.close()
	w.refreshMessages()
	w.view.ScrollToEnd()
}

// tokenText makes a token visible that is a space, a line break or nothing.
func tokenText(s string) string {
	s = strings.NewReplacer(" ", "·", "\n", "↵", "\t", "⇥", "\r", "␍").Replace(s)
	if s == "" {
		return "∅"
	}
	return s
}

// tokenField draws tokens one after another, in lines, each on a ground that shows how likely it was.
type tokenField struct {
	widget.BaseWidget
	scores  []inference.Score
	current int // -1: none
	focused bool
	chosen  func(i int)
	key     func(*fyne.KeyEvent)
	grounds []*canvas.Rectangle
	texts   []*canvas.Text
	mark    *canvas.Rectangle
	height  float32
}

func newTokenField(chosen func(i int), key func(*fyne.KeyEvent)) *tokenField {
	f := &tokenField{current: -1, chosen: chosen, key: key, mark: canvas.NewRectangle(color.Transparent)}
	f.mark.StrokeWidth, f.mark.CornerRadius = 2, 4
	f.mark.Hide()
	f.ExtendBaseWidget(f)
	return f
}

func (f *tokenField) set(scores []inference.Score) {
	f.scores, f.current = scores, -1
	f.grounds, f.texts = nil, nil
	for _, s := range scores {
		g := canvas.NewRectangle(doubt(s.Token.P))
		g.CornerRadius = 3
		t := canvas.NewText(tokenText(s.Token.Text), look.Color(theme.ColorNameForeground))
		t.TextSize = theme.Size(theme.SizeNameText)
		f.grounds, f.texts = append(f.grounds, g), append(f.texts, t)
	}
	f.place(f.Size().Width)
	f.Refresh()
}

// doubt is the colour of a token of a probability: none for a certain one, red for an unlikely one.
func doubt(p float32) color.Color {
	r, g, b, _ := look.Color(theme.ColorNameError).RGBA()
	return color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), uint8(150 * (1 - min(max(p, 0), 1)))}
}

func (f *tokenField) line() float32 { return theme.Size(theme.SizeNameText) + 14 }

// place puts the tokens into lines of a width.
func (f *tokenField) place(width float32) {
	x, y, line := float32(0), float32(0), f.line()
	for i, t := range f.texts {
		size := t.MinSize()
		w := size.Width + 6
		if x > 0 && x+w > width {
			x, y = 0, y+line
		}
		f.grounds[i].Move(fyne.NewPos(x, y+1))
		f.grounds[i].Resize(fyne.NewSize(w-1, line-4))
		t.Move(fyne.NewPos(x+3, y+(line-3-size.Height)/2))
		t.Resize(size)
		x += w
		if strings.Contains(f.scores[i].Token.Text, "\n") {
			x, y = 0, y+line
		}
	}
	f.height = y + line
	f.marked()
}

// marked moves the mark to the current token.
func (f *tokenField) marked() {
	f.mark.Hidden = f.current < 0
	if f.current >= 0 {
		g := f.grounds[f.current]
		f.mark.Move(g.Position().SubtractXY(1, 1))
		f.mark.Resize(g.Size().AddWidthHeight(2, 2))
		f.mark.StrokeColor = look.Color(theme.ColorNamePrimary)
	}
	f.mark.Refresh()
}

func (f *tokenField) at(i int) fyne.Position { return f.grounds[i].Position() }

func (f *tokenField) choose(i int) {
	if i < 0 || i >= len(f.scores) {
		return
	}
	f.current = i
	f.marked()
	f.chosen(i)
}

// Tapped chooses the token below the pointer.
func (f *tokenField) Tapped(e *fyne.PointEvent) {
	for i, g := range f.grounds {
		p, s := g.Position(), g.Size()
		if e.Position.X >= p.X && e.Position.X < p.X+s.Width && e.Position.Y >= p.Y && e.Position.Y < p.Y+s.Height {
			f.choose(i)
			return
		}
	}
}

// TypedKey goes from token to token, and from line to line.
func (f *tokenField) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyRight:
		f.choose(f.current + 1)
	case fyne.KeyLeft:
		f.choose(f.current - 1)
	case fyne.KeyUp, fyne.KeyDown:
		f.vertical(k.Name == fyne.KeyDown)
	case fyne.KeyHome:
		f.choose(0)
	case fyne.KeyEnd:
		f.choose(len(f.scores) - 1)
	default:
		f.key(k)
	}
}

// vertical chooses the nearest token of the line above or below.
func (f *tokenField) vertical(down bool) {
	if f.current < 0 {
		f.choose(0)
		return
	}
	from := f.at(f.current)
	line := from.Y - f.line()
	if down {
		line = from.Y + f.line()
	}
	best, distance := -1, float32(0)
	for i, g := range f.grounds {
		p := g.Position()
		if d := max(p.X-from.X, from.X-p.X); p.Y > line-2 && p.Y < line+2 && (best < 0 || d < distance) {
			best, distance = i, d
		}
	}
	f.choose(best)
}

// TypedRune does nothing.
func (f *tokenField) TypedRune(rune) {}

// FocusGained is Fyne's.
func (f *tokenField) FocusGained() {
	f.focused = true
	if f.current < 0 && len(f.scores) > 0 {
		f.choose(0)
	}
}

// FocusLost is Fyne's.
func (f *tokenField) FocusLost() { f.focused = false }

// Cursor shows a hand.
func (f *tokenField) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer is Fyne's.
func (f *tokenField) CreateRenderer() fyne.WidgetRenderer { return &tokenRenderer{f} }

type tokenRenderer struct{ f *tokenField }

func (r *tokenRenderer) Destroy() {}
func (r *tokenRenderer) Objects() []fyne.CanvasObject {
	list := make([]fyne.CanvasObject, 0, 2*len(r.f.texts)+1)
	for i := range r.f.texts {
		list = append(list, r.f.grounds[i], r.f.texts[i])
	}
	return append(list, r.f.mark)
}
func (r *tokenRenderer) MinSize() fyne.Size { return fyne.NewSize(200, max(r.f.height, 40)) }
func (r *tokenRenderer) Layout(s fyne.Size) {
	before := r.f.height
	r.f.place(s.Width)
	if r.f.height != before {
		r.f.Refresh()
	}
}
func (r *tokenRenderer) Refresh() {
	for _, o := range r.Objects() {
		o.Refresh()
	}
}
