package transcript

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/lang"

	"burble/ui/look"
)

// switcher goes through the versions of a message: ‹ 2/3 ›.
type switcher struct {
	before, after *look.Button
	text          *canvas.Text
}

func newSwitcher(v *View, m *message) *switcher {
	step := func(i look.Icon, by int) *look.Button {
		b := look.NewIconButton(i, func() {
			if v.OnVersion != nil {
				v.OnVersion(m.data.ID, by)
			}
		})
		b.Height = 28
		return b
	}
	s := &switcher{before: step(look.IconLeft, -1), after: step(look.IconRight, +1), text: canvas.NewText("", look.Color(look.ColorMuted))}
	s.text.TextSize = look.SmallSize
	return s
}

// place lays the switcher out from x on. A message with one version has none.
func (s *switcher) place(m Message, x float32) (objects []fyne.CanvasObject, width float32) {
	if m.Versions < 2 {
		return nil, 0
	}
	s.text.Text = fmt.Sprintf("%d/%d", m.Version, m.Versions)
	s.text.Color = look.Color(look.ColorMuted)
	s.text.Refresh()
	s.before.SetEnabled(m.Version > 1)
	s.after.SetEnabled(m.Version < m.Versions)
	size := s.text.MinSize()
	s.before.Resize(fyne.NewSquareSize(28))
	s.before.Move(fyne.NewPos(x, 0))
	s.text.Resize(size)
	s.text.Move(fyne.NewPos(x+28, (28-size.Height)/2))
	s.after.Resize(fyne.NewSquareSize(28))
	s.after.Move(fyne.NewPos(x+28+size.Width, 0))
	return []fyne.CanvasObject{s.before, s.text, s.after}, 56 + size.Width
}

// ownFooter is the line of actions below a message of the user, at its trailing edge.
type ownFooter struct {
	container
	edit    *look.Button
	copy    *look.Button
	more    *look.Button
	version *switcher
}

func newOwnFooter(v *View, m *message) *ownFooter {
	f := &ownFooter{version: newSwitcher(v, m), more: newMore(v, m)}
	f.edit = look.NewButton(look.IconNew, lang.L("Edit"), look.Ghost, func() {
		if v.OnEdit != nil {
			v.OnEdit(m.data.ID)
		}
	})
	f.edit.Height, f.edit.Color = 28, look.ColorMuted
	f.copy = look.NewIconButton(look.IconCopy, func() {
		v.copyText(m.data.Content)
		f.copy.Set(look.IconCheck, "", look.Ghost)
		v.later(copiedFor, func() { f.copy.Set(look.IconCopy, "", look.Ghost) })
	})
	f.copy.Height = 28
	f.height = 28
	f.ExtendBaseWidget(f)
	return f
}

func (f *ownFooter) set(m Message) {
	f.objects = f.objects[:0:0]
	x := float32(0)
	if objects, width := f.version.place(m, x); width > 0 {
		f.objects = append(f.objects, objects...)
		x += width + 4
	}
	for _, b := range []*look.Button{f.copy, f.more} {
		b.Resize(fyne.NewSquareSize(28))
		b.Move(fyne.NewPos(x, 0))
		x += 30
	}
	size := fyne.NewSize(f.edit.MinSize().Width, 28)
	f.edit.Resize(size)
	f.edit.Move(fyne.NewPos(x, 0))
	f.width = x + size.Width
	f.objects = append(f.objects, f.copy, f.more, f.edit)
}

func (f *ownFooter) wanted(float32) float32 { return f.width }

func (f *ownFooter) heightFor(float32) float32 { return f.height }
