package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/assets"
	"burble/ui/look"
)

// showAbout says what this program is, in which version, and whose work it is built on.
func (w *window) showAbout() {
	icon := canvas.NewImageFromResource(fyne.NewStaticResource("burble.png", assets.Icon))
	icon.FillMode = canvas.ImageFillContain
	icon.SetMinSize(fyne.NewSize(72, 72))
	name := widget.NewLabelWithStyle("Burble", fyne.TextAlignCenter, fyne.TextStyle{Bold: true})
	name.SizeName = theme.SizeNameHeadingText
	version := widget.NewLabelWithStyle(lang.L("Version {{.Version}}", map[string]any{"Version": app.Version}), fyne.TextAlignCenter, fyne.TextStyle{})
	version.Selectable = true
	what := widget.NewLabelWithStyle(lang.L("Chat with language models that run on this machine.\nNothing you write leaves it unless you add a server."), fyne.TextAlignCenter, fyne.TextStyle{})
	licences := look.NewButton(look.Icon{}, lang.L("Licences"), look.Soft, w.showLicences)
	d := dialog.NewCustom(lang.L("About"), lang.L("Close"), container.NewVBox(icon, name, version, what, container.NewHBox(layout.NewSpacer(), licences, layout.NewSpacer())), w.win)
	d.Resize(fyne.NewSize(min(440, w.win.Canvas().Size().Width-40), 0))
	d.Show()
}

// showLicences lists the licences of everything that is built in. There are thousands of lines, so they are a list, which
// only makes those in sight.
func (w *window) showLicences() {
	text, err := assets.Licences()
	w.report(err)
	d := dialog.NewCustom(lang.L("Licences"), lang.L("Close"), newLines(strings.Split(text, "\n")), w.win)
	size := w.win.Canvas().Size()
	d.Resize(fyne.NewSize(min(720, size.Width-40), min(560, size.Height-40)))
	d.Show()
}
