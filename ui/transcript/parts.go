package transcript

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/theme"

	"burble/ui/look"
	"burble/ui/markdown"
)

// bubble is a user's message: at the trailing edge, as wide as its text.
type bubble struct {
	container
	view   *View
	ground *canvas.Rectangle
	inner  stack
}

const bubbleX, bubbleY = 16, 10

func newBubble(v *View, text string) *bubble {
	b := &bubble{view: v, ground: canvas.NewRectangle(look.Color(look.ColorBubble))}
	b.ground.CornerRadius = 16
	b.ground.BottomRightCornerRadius = 5
	b.inner = stack{b: builder{host: v, text: bodyLook()}}
	b.ExtendBaseWidget(b)
	b.set(text)
	return b
}

func (b *bubble) set(text string) {
	b.inner.set(b.view.userParser.Parse(text))
	b.width = 0
}

// wanted returns the bubble's width in a column: what its text needs, up to most of the column.
func (b *bubble) wanted(column float32) float32 {
	limit := column * 0.84
	need := float32(0)
	for _, bl := range b.inner.blocks {
		f, ok := bl.(*flow)
		if !ok {
			return limit
		}
		need = max(need, f.naturalWidth(limit)+1)
	}
	return min(need+2*bubbleX, limit)
}

func (b *bubble) heightFor(width float32) float32 {
	if width == b.width {
		return b.height
	}
	b.width = width
	b.height = b.inner.layout(bubbleX, bubbleY, width-2*bubbleX) + bubbleY
	b.ground.Resize(fyne.NewSize(width, b.height))
	b.objects = append(b.objects[:0:0], b.ground)
	for _, bl := range b.inner.blocks {
		b.objects = append(b.objects, bl)
	}
	return b.height
}

// thinking is the reasoning: a line that opens it.
type thinking struct {
	container
	view  *View
	open  bool
	data  Message
	title *disclosure
	bar   *canvas.Rectangle
	doc   *markdown.Document
	inner stack
}

func newThinking(v *View) *thinking {
	t := &thinking{view: v, bar: canvas.NewRectangle(look.Color(look.ColorBorder)), doc: markdown.NewDocument(v.parser)}
	t.bar.CornerRadius = 1
	t.inner = stack{b: builder{host: v, text: mutedLook()}}
	t.title = newDisclosure(v, func() {
		t.open = !t.open
		t.title.setOpen(t.open)
		t.show()
		v.relayout(t)
	})
	t.ExtendBaseWidget(t)
	return t
}

func (t *thinking) set(m Message) {
	t.data = m
	t.title.setText(thoughtTitle(m))
	t.show()
}

func (t *thinking) show() {
	if t.open {
		blocks, _ := t.doc.Set(t.data.Reasoning)
		t.inner.set(blocks)
	}
	t.width = 0
}

func (t *thinking) heightFor(width float32) float32 {
	if width == t.width {
		return t.height
	}
	t.width = width
	t.objects = append(t.objects[:0:0], t.title)
	t.height = 30
	t.title.Resize(fyne.NewSize(t.title.MinSize().Width, 28))
	if t.open {
		end := t.inner.layout(20, t.height+6, max(width-20, 40))
		t.bar.Move(fyne.NewPos(6, t.height+6))
		t.bar.Resize(fyne.NewSize(2, end-t.height-6))
		t.objects = append(t.objects, t.bar)
		for _, bl := range t.inner.blocks {
			t.objects = append(t.objects, bl)
		}
		t.height = end + 6
	}
	return t.height
}

// waiting says that an answer is on its way before its first character: three dots that breathe.
type waiting struct {
	container
	view *View
	dots [3]*canvas.Circle
	text *canvas.Text
}

func newWaiting(v *View) *waiting {
	w := &waiting{view: v, text: canvas.NewText("", look.Color(look.ColorMuted))}
	w.text.TextSize = 14
	for i := range w.dots {
		w.dots[i] = canvas.NewCircle(look.Color(look.ColorMuted))
		w.dots[i].Resize(fyne.NewSquareSize(7))
		w.dots[i].Move(fyne.NewPos(2+float32(i)*13, 10))
		w.objects = append(w.objects, w.dots[i])
	}
	w.text.Move(fyne.NewPos(50, 4))
	w.objects = append(w.objects, w.text)
	w.height = 28
	w.ExtendBaseWidget(w)
	w.beat(time.Now())
	return w
}

func (w *waiting) set(text string) {
	if w.text.Text != text {
		w.text.Text = text
		w.text.Resize(w.text.MinSize())
		w.text.Refresh()
	}
}

// beat draws the dots at a moment. The view calls it, so that no timer of their own outlives them.
func (w *waiting) beat(now time.Time) {
	phase := int(now.UnixMilli()/250) % 4
	for i, d := range w.dots {
		c := look.Color(look.ColorBorder)
		if i == phase {
			c = look.Color(look.ColorMuted)
		}
		if d.FillColor != c {
			d.FillColor = c
			d.Refresh()
		}
	}
}

func (w *waiting) heightFor(float32) float32 { return w.height }

// action is what can be done about a problem.
type action uint8

const (
	noAction action = iota
	retryAction
	continueAction
)

// failure says what went wrong with an answer, and offers to try again or to go on.
type failure struct {
	container
	view   *View
	ground *canvas.Rectangle
	icon   *canvas.Image
	text   *flow
	retry  *look.Button
	action action
}

func newFailure(v *View, m *message) *failure {
	f := &failure{view: v, ground: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil)}
	f.ground.CornerRadius = look.Radius
	f.icon.FillMode = canvas.ImageFillContain
	f.icon.Resize(fyne.NewSquareSize(18))
	l := bodyLook()
	l.size, l.lead = 14, 1.45
	f.text = newFlow(nil, l, v)
	f.retry = look.NewButton(look.IconRetry, lang.L("Retry"), look.Soft, func() {
		switch {
		case f.action == retryAction && v.OnRegenerate != nil:
			v.OnRegenerate(m.data.ID)
		case f.action == continueAction && v.OnContinue != nil:
			v.OnContinue(m.data.ID)
		}
	})
	f.ExtendBaseWidget(f)
	return f
}

func (f *failure) set(text string, a action, failed bool) {
	f.action = a
	f.text.set([]markdown.Span{{Text: text}})
	f.retry.Hidden = a == noAction
	if a == continueAction {
		f.retry.Set(look.IconRight, lang.L("Continue"), look.Soft)
	} else {
		f.retry.Set(look.IconRetry, lang.L("Retry"), look.Soft)
	}
	if failed {
		f.ground.FillColor = look.Color(look.ColorErrorSoft)
		f.icon.Resource = look.IconWarning.In(theme.ColorNameError)
	} else {
		f.ground.FillColor = look.Color(look.ColorSurface)
		f.icon.Resource = look.IconWarning.In(look.ColorMuted)
	}
	f.ground.Refresh()
	f.icon.Refresh()
	f.width = 0
}

func (f *failure) heightFor(width float32) float32 {
	if width == f.width {
		return f.height
	}
	f.width = width
	text := width - 44 - 16
	if !f.retry.Hidden {
		text -= f.retry.MinSize().Width + 12
	}
	h := f.text.heightFor(text)
	f.height = max(h+24, 52)
	f.ground.Resize(fyne.NewSize(width, f.height))
	f.icon.Move(fyne.NewPos(16, (f.height-18)/2))
	f.text.Move(fyne.NewPos(44, (f.height-h)/2))
	f.text.Resize(fyne.NewSize(text, h))
	f.objects = append(f.objects[:0:0], f.ground, f.icon, f.text)
	if !f.retry.Hidden {
		b := f.retry.MinSize()
		f.retry.Resize(b)
		f.retry.Move(fyne.NewPos(width-b.Width-10, (f.height-b.Height)/2))
		f.objects = append(f.objects, f.retry)
	}
	return f.height
}

// footer is the line of actions below an answer, with its figures.
type footer struct {
	container
	view    *View
	message *message
	copy    *look.Button
	again   *look.Button
	choose  *look.Button
	more    *look.Button
	version *switcher
	note    *canvas.Text
}

func newFooter(v *View, m *message) *footer {
	f := &footer{view: v, message: m, note: canvas.NewText("", look.Color(look.ColorMuted))}
	f.note.TextSize = look.SmallSize
	small := func(i look.Icon, tapped func()) *look.Button {
		b := look.NewIconButton(i, tapped)
		b.Height = 28
		return b
	}
	f.copy = small(look.IconCopy, func() {
		v.copyText(m.data.Content)
		f.copy.Set(look.IconCheck, "", look.Ghost)
		v.later(copiedFor, func() { f.copy.Set(look.IconCopy, "", look.Ghost) })
	})
	f.again = small(look.IconRetry, func() {
		if v.OnRegenerate != nil {
			v.OnRegenerate(m.data.ID)
		}
	})
	f.choose = small(look.IconSelect, func() {
		if v.OnSelectText != nil {
			v.OnSelectText(m.data.Content)
		}
	})
	f.more = newMore(v, m)
	f.version = newSwitcher(v, m)
	f.height = 28
	f.ExtendBaseWidget(f)
	return f
}

func (f *footer) set(m Message) {
	note := m.Note
	if m.Status == Stopped {
		if note != "" {
			note = lang.L("Stopped") + " · " + note
		} else {
			note = lang.L("Stopped")
		}
	}
	f.note.Text = note
	f.note.Refresh()
	x := float32(-6) // the icons' own room, so that their lines stand under the text's edge
	f.objects = f.objects[:0:0]
	if objects, width := f.version.place(m, x); width > 0 {
		f.objects = append(f.objects, objects...)
		x += width + 4
	}
	for _, b := range []*look.Button{f.copy, f.choose, f.again, f.more} {
		if b == f.again && !m.Last {
			continue
		}
		b.Resize(fyne.NewSquareSize(28))
		b.Move(fyne.NewPos(x, 0))
		x += 30
		f.objects = append(f.objects, b)
	}
	s := f.note.MinSize()
	f.note.Resize(s)
	f.note.Move(fyne.NewPos(x+8, (28-s.Height)/2))
	f.objects = append(f.objects, f.note)
	for _, o := range f.objects {
		if b, ok := o.(*look.Button); ok {
			own(f.view, b)
		}
	}
}

func (f *footer) heightFor(float32) float32 { return f.height }
