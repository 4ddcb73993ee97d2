// Package transcript shows a conversation: messages with streamed Markdown in a virtual column.
//
// Only what is near the viewport exists as widgets; heights are cached. While an answer streams in, the blocks before
// its last one are neither parsed nor laid out again, so that an update costs the same in a long conversation as in a
// short one.
package transcript

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
	"burble/ui/markdown"
)

// View is the transcript's widget. All of its methods belong to Fyne's goroutine.
type View struct {
	widget.BaseWidget
	// OnRegenerate asks for an answer again.
	OnRegenerate func(id int64)
	// OnContinue asks for more of an answer that was cut.
	OnContinue func(id int64)
	// OnEdit begins to edit a message of the user.
	OnEdit func(id int64)
	// Actions are what else can be done with a message, for its menu.
	Actions func(id int64) []*fyne.MenuItem
	// OnVersion shows the next (+1) or the previous (−1) version of a message.
	OnVersion func(id int64, step int)
	// OnQuote takes a message's text to be quoted in the next one.
	OnQuote func(text string)
	// OnOpenFile opens an attached file.
	OnOpenFile func(message, file int64)
	// OnSelectText offers a message's text for selecting a part of it.
	OnSelectText func(text string)
	// OnKey gets the keys that something in the transcript has the focus for, but no use.
	OnKey func(*fyne.KeyEvent)
	// OnError reports something that a click led to, such as a link that can't be opened.
	OnError func(error)

	parser     *markdown.Parser
	userParser *markdown.Parser
	column     *column
	latest     *look.Button
	address    *addressLine
	formulas   *formulas
	colours    string
	timers     *look.Timers // the window's
	slowParse  time.Duration
}

// copiedFor is how long a button says that something was copied.
const copiedFor = 1500 * time.Millisecond

// NewView returns an empty transcript; timers are those of its window.
func NewView(timers *look.Timers) *View {
	v := &View{timers: timers, slowParse: slowParse, formulas: newFormulas(), address: newAddressLine(), parser: markdown.NewParser(), userParser: markdown.NewParser()}
	v.userParser.Breaks = true
	v.column = newColumn()
	v.latest = look.NewButton(look.IconDown, "", look.Soft, func() { v.column.toEnd() })
	v.latest.Round, v.latest.Height = true, 36
	v.latest.Hide()
	v.column.onMoved = func() {
		if away := !v.column.follow && !v.column.atEnd(); away != v.latest.Visible() {
			if away {
				v.latest.Show()
			} else {
				v.latest.Hide()
			}
		}
	}
	v.colours = v.palette()
	v.ExtendBaseWidget(v)
	return v
}

// SetMessages shows a conversation. Messages that were there before, by their ID, keep their widgets.
func (v *View) SetMessages(messages []Message) {
	at, forward := v.switching()
	old := make(map[int64]*group, len(v.column.groups))
	for _, g := range v.column.groups {
		old[g.message.data.ID] = g
	}
	groups := make([]*group, len(messages))
	for i, m := range messages {
		g := old[m.ID]
		if g == nil {
			g = &group{message: newMessage(v, m)}
		} else if g.message.set(m) {
			g.invalidate()
		}
		groups[i] = g
	}
	v.column.groups = groups
	v.column.changed()
	v.goOnSwitching(at, forward)
}

// Update shows a message's new state; the message has to be one that SetMessages knows. It reports whether it was.
func (v *View) Update(m Message) bool {
	for i := len(v.column.groups) - 1; i >= 0; i-- {
		if g := v.column.groups[i]; g.message.data.ID == m.ID {
			if g.message.set(m) {
				g.invalidate()
				v.column.changed()
			}
			return true
		}
	}
	return false
}

func (g *group) invalidate() {
	if g.message.made {
		g.width = 0 // the height stays as the estimate until the group is laid out again
	} else {
		g.width, g.estimate = 0, 0
	}
}

// ScrollToEnd shows the end and follows it as text is added.
func (v *View) ScrollToEnd() { v.column.toEnd() }

// Following reports whether the end stays in view as text is added.
func (v *View) Following() bool { return v.column.follow }

// Beat moves what moves by itself. The window calls it a few times a second while an answer is awaited.
func (v *View) Beat(now time.Time) {
	for _, g := range v.column.groups {
		if w := g.message.waiting; w != nil && g.message.data.running() {
			w.beat(now)
		}
	}
}

// Page scrolls by a share of the viewport's height: 1 is a page down.
func (v *View) Page(by float32) {
	v.column.scroll.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.Delta{DY: -by * v.column.scroll.Size().Height}})
}

// relayout lays out again after a block changed its height by itself.
func (v *View) relayout(b block) {
	for _, g := range v.column.groups {
		for _, c := range g.message.cells {
			if in, ok := c.block.(interface{ stale(block) bool }); c.block == b || ok && in.stale(b) {
				g.width = 0
			}
		}
	}
	v.column.follow = false
	v.column.changed()
}

func (v *View) openLink(address string) {
	if err := openLink(fyne.CurrentApp().OpenURL, address); err != nil && v.OnError != nil {
		v.OnError(&LinkError{address, err})
	}
}

// LinkError says that a link could not be opened.
type LinkError struct {
	Address string
	Err     error
}

func (e *LinkError) Error() string { return "cannot open " + e.Address + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *LinkError) Unwrap() error { return e.Err }

func (v *View) later(d time.Duration, f func()) { v.timers.After(d, f) }

func (v *View) copyText(text string) { fyne.CurrentApp().Clipboard().SetContent(text) }

func (v *View) scrolled(e *fyne.ScrollEvent) { v.column.scroll.Scrolled(e) }

// palette identifies the colours that widgets were made with.
func (v *View) palette() string {
	var b strings.Builder
	for _, n := range []fyne.ThemeColorName{theme.ColorNameForeground, theme.ColorNameBackground, look.ColorBubble} {
		r, g, bl, _ := look.Color(n).RGBA()
		b.WriteString(string([]rune{rune(r & 0xff), rune(g & 0xff), rune(bl & 0xff)}))
	}
	return b.String()
}

// Refresh makes all widgets anew where the theme's colours have changed.
func (v *View) Refresh() {
	if p := v.palette(); p != v.colours {
		v.colours = p
		for _, g := range v.column.groups {
			g.message.made = false
			g.width = 0
		}
		v.column.changed()
	}
	v.BaseWidget.Refresh()
}

// CreateRenderer is Fyne's.
func (v *View) CreateRenderer() fyne.WidgetRenderer { return &viewRenderer{v} }

type viewRenderer struct{ v *View }

func (r *viewRenderer) Destroy()           {}
func (r *viewRenderer) MinSize() fyne.Size { return fyne.NewSize(320, 120) }
func (r *viewRenderer) Refresh()           { r.v.latest.Refresh() }
func (r *viewRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.v.column.scroll, r.v.latest, r.v.address}
}

func (r *viewRenderer) Layout(size fyne.Size) {
	s := r.v.latest.MinSize()
	r.v.latest.Resize(s)
	r.v.latest.Move(fyne.NewPos((size.Width-s.Width)/2, size.Height-s.Height-12))
	r.v.column.scroll.Resize(size)
	r.v.column.viewResized()
}
