package ui

import (
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/widget"

	"burble/ui/look"
)

// askToken asks for a token for Hugging Face, keeps it, and goes on with what needed it; then may be nil. The keyring is asked
// beside the window: it may want its password first.
func (w *window) askToken(then func()) {
	w.spawn(func() {
		place, has := w.b.Hub.TokenPlace(), w.b.Hub.HasToken()
		fyne.Do(func() {
			where := lang.L("It is kept in the desktop's keyring, and sent to Hugging Face alone.")
			if !place.Keyring {
				where = lang.L("It is kept in {{.File}}, which only you can read, because {{.Why}}. It is sent to Hugging Face alone.", map[string]any{"File": place.File, "Why": place.Why})
			}
			text := widget.NewLabel(lang.L("Some models are for those who have accepted their terms. A token tells Hugging Face who asks: make one that may read, on your account's page, and put it here.") + "\n\n" + where)
			text.Wrapping = fyne.TextWrapWord
			field := widget.NewPasswordEntry()
			field.SetPlaceHolder("hf_…")
			row := container.NewHBox(look.NewButton(look.Icon{}, lang.L("Make a token"), look.Soft, func() { w.browse(w.b.Hub.TokenPage()) }), layout.NewSpacer())
			form := dialog.NewCustomConfirm(lang.L("Token for Hugging Face"), lang.L("Keep"), lang.L("Cancel"), container.NewVBox(text, field, row), func(ok bool) {
				if ok && field.Text != "" {
					w.setToken(field.Text, then)
				}
			}, w.win)
			if has {
				row.Add(look.NewButton(look.Icon{}, lang.L("Forget the token"), look.Soft, func() {
					form.Hide()
					w.setToken("", nil)
				}))
			}
			form.Resize(fyne.NewSize(min(520, w.win.Canvas().Size().Width-40), 0))
			form.Show()
			w.win.Canvas().Focus(field)
		})
	})
}

func (w *window) setToken(token string, then func()) {
	w.spawn(func() {
		err := w.b.Hub.SetToken(token)
		fyne.Do(func() {
			if err != nil {
				w.report(err)
				return
			}
			if then != nil {
				then()
			}
		})
	})
}

// browse opens an address in the user's browser.
func (w *window) browse(address string) {
	u, err := url.Parse(address)
	if err == nil {
		err = w.app.OpenURL(u)
	}
	w.report(err)
}
