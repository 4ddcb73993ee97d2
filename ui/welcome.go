package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// guideQuestions are offered where the built-in guide is loaded, and asked by a click. They are in the language that it speaks.
func guideQuestions() []string {
	return []string{"What can Burble do?", "How do I get a model?", "Which model should I take?"}
}

// welcome is the part of the empty state for somebody who is here for the first time: questions to click on, and the keys
// to know.
type welcome struct {
	box       *fyne.Container
	questions *fyne.Container
	asked     *fyne.Container // with the questions in it, at their width
}

func newWelcome(ask func(string)) *welcome {
	questions := container.New(layout.NewCustomPaddedVBoxLayout(6))
	for _, q := range guideQuestions() {
		b := look.NewButton(look.IconChat, q, look.Soft, func() { ask(q) })
		b.Leading = true
		questions.Add(b)
	}
	hint := widget.NewLabel(lang.L("{{.Open}} opens a model, {{.Commands}} finds everything else. A GGUF file can be dropped onto this window, too.", map[string]any{
		"Open": command{key: fyne.KeyO, mod: ctrl}.keyText(), "Commands": command{key: fyne.KeyK, mod: ctrl}.keyText()}))
	hint.Alignment, hint.Wrapping, hint.Importance, hint.SizeName = fyne.TextAlignCenter, fyne.TextWrapWord, widget.LowImportance, theme.SizeNameCaptionText
	w := &welcome{questions: questions, asked: container.New(fixedWidth(280), questions)}
	w.box = container.New(layout.NewCustomPaddedVBoxLayout(14), w.asked, container.New(fixedWidth(420), hint))
	return w
}

// set shows the welcome or not, with the questions or not.
func (w *welcome) set(shown, questions bool) {
	w.box.Hidden, w.asked.Hidden = !shown, !questions
	w.box.Refresh()
}
