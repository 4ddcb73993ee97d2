package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// toast is a message over the transcript that goes away by itself, with an action such as Undo.
type toast struct {
	box    *fyne.Container
	ground *canvas.Rectangle
	text   *widget.Label
	action *look.Button
	close  *look.Button
	timers *look.Timers
	timer  *look.Timer
}

func newToast(timers *look.Timers) *toast {
	t := &toast{timers: timers, ground: canvas.NewRectangle(nil), text: widget.NewLabel("")}
	t.text.Wrapping = fyne.TextWrapWord
	t.action = look.NewButton(look.Icon{}, "", look.Ghost, nil)
	t.action.Color = theme.ColorNamePrimary
	t.close = look.NewIconButton(look.IconClose, t.hide)
	t.close.Height = 28
	buttons := container.NewHBox(container.NewCenter(t.action), container.NewCenter(t.close))
	t.box = container.NewStack(t.ground, container.New(layout.NewCustomPaddedLayout(2, 2, 8, 8),
		container.NewBorder(nil, nil, nil, buttons, t.text)))
	t.box.Hide()
	return t
}

// maxToast is the width up to which a message stands in one line.
const maxToast = 620

// show shows a message for a while; a long one for longer.
func (t *toast) show(text, action string, do func()) {
	t.ground.FillColor = look.Color(theme.ColorNameMenuBackground)
	t.ground.StrokeColor, t.ground.StrokeWidth, t.ground.CornerRadius = look.Color(look.ColorBorder), 1, 12
	t.ground.Shadow = canvas.Shadow{Color: look.Color(theme.ColorNameShadow), BlurRadius: 14, Offset: fyne.NewPos(0, 3)}
	t.text.SetText(text)
	t.action.OnTapped = func() {
		t.hide()
		do()
	}
	t.action.Set(look.Icon{}, action, look.Ghost)
	t.action.Hidden = action == ""
	wide := fyne.MeasureText(text, t.text.Theme().Size(theme.SizeNameText), fyne.TextStyle{}).Width + 84
	if action != "" {
		wide += t.action.MinSize().Width
	}
	t.ground.SetMinSize(fyne.NewSize(min(wide, maxToast), 0)) // a short message needs no second line
	t.box.Show()
	t.box.Refresh()
	t.timer.Stop()
	t.timer = t.timers.After(5*time.Second+time.Duration(len(text))*40*time.Millisecond, t.hide)
}

func (t *toast) hide() {
	t.timer.Stop()
	t.box.Hide()
}
