package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/assets"
	"burble/ui/look"
)

// emptyState fills the transcript's place in a new chat: a welcome, and what to do first.
type emptyState struct {
	box    *fyne.Container
	title  *canvas.Text
	text   *widget.Label
	button *look.Button
	get    *look.Button
	first  *welcome
}

func newEmptyState(open, get func(), ask func(string)) *emptyState {
	e := &emptyState{title: canvas.NewText("", nil), text: widget.NewLabel(""), first: newWelcome(ask)}
	e.title.TextSize, e.title.TextStyle, e.title.Alignment = 22, fyne.TextStyle{Bold: true}, fyne.TextAlignCenter
	e.text.Alignment, e.text.Wrapping, e.text.Importance = fyne.TextAlignCenter, fyne.TextWrapWord, widget.LowImportance
	e.button = look.NewButton(look.IconModel, lang.L("Open a model"), look.Primary, open)
	e.button.Height = 40
	e.get = look.NewButton(look.IconDownload, lang.L("Get models…"), look.Soft, get)
	e.get.Height = 40
	icon := canvas.NewImageFromResource(fyne.NewStaticResource("burble.png", assets.Icon))
	icon.FillMode = canvas.ImageFillContain
	icon.SetMinSize(fyne.NewSquareSize(72))
	column := container.New(layout.NewCustomPaddedVBoxLayout(14), container.NewCenter(icon), e.title,
		container.New(fixedWidth(480), e.text), container.NewCenter(container.NewHBox(e.button, e.get)), e.first.box)
	e.box = container.NewStack(container.NewVScroll(container.NewCenter(column)))
	return e
}

// set says what to do. Without a model, that is to open one; a first-time user gets more, see welcome.
func (e *emptyState) set(title, text string, button bool) {
	e.title.Color = look.Color(theme.ColorNameForeground)
	e.title.Text = title
	e.title.Refresh()
	e.text.SetText(text)
	if button {
		e.button.Show()
		e.get.Show()
	} else {
		e.button.Hide()
		e.get.Hide()
	}
	e.box.Refresh()
}

// fixedWidth is a layout that gives its objects a width, and the height that they need for it.
type fixedWidth float32

// MinSize is the width, and the height of the highest object.
func (w fixedWidth) MinSize(objects []fyne.CanvasObject) fyne.Size {
	s := fyne.NewSize(float32(w), 0)
	for _, o := range objects {
		if o.Size().Width != float32(w) {
			o.Resize(fyne.NewSize(float32(w), o.MinSize().Height))
		}
		s.Height = max(s.Height, o.MinSize().Height)
	}
	return s
}

// Layout gives all objects the whole place.
func (w fixedWidth) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos((size.Width-float32(w))/2, 0))
		o.Resize(fyne.NewSize(float32(w), size.Height))
	}
}
