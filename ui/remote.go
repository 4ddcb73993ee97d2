package ui

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app/remote"
	"burble/ui/look"
)

// Servers is what the window needs of app.Servers, which says what the methods do. Save, Remove and Test may take long:
// they are called beside the window.
type Servers interface {
	List() []remote.Server
	Refresh()
	Save(s remote.Server, key *string) (remote.Server, error)
	Remove(id string) error
	Test(ctx context.Context, s remote.Server, key *string) (remote.Catalog, error)
}

// serverDialog adds a server, or changes one.
type serverDialog struct {
	w      *window
	popup  *widget.PopUp
	server remote.Server // as it is kept; without an ID, it is new

	name, url, key *entry
	forget         *look.Button // of the key
	forgetting     *fyne.Container
	forgotten      bool // the kept key is to be forgotten
	model          *keySelectEntry
	test, save     *look.Button
	busy           *widget.ProgressBarInfinite
	ground         *canvas.Rectangle
	result         *widget.Label
	outcome        *fyne.Container
	middle         *fyne.Container
	scroll         *container.Scroll
	cancel         context.CancelFunc // ends what is asked beside the window
	closed         bool
}

// openServer shows the server of that ID, or with "" a new one.
func (w *window) openServer(id string) {
	if w.server != nil {
		return
	}
	d := &serverDialog{w: w, cancel: func() {}}
	if i := slices.IndexFunc(w.b.Servers.List(), func(s remote.Server) bool { return s.ID == id }); i >= 0 {
		d.server = w.b.Servers.List()[i]
	}
	w.server = d
	d.build()
	d.popup.Show()
	w.win.Canvas().Focus(d.url)
}

func (w *window) addServer() { w.openServer("") }

func (d *serverDialog) build() {
	name := lang.L("Add a server")
	if d.server.ID != "" {
		name = d.server.Name
	}
	title := widget.NewLabelWithStyle(name, fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName, title.Truncation = theme.SizeNameSubHeadingText, fyne.TextTruncateEllipsis
	shut := look.NewIconButton(look.IconClose, d.close)
	about := widget.NewLabel(lang.L("Its models stand in the list beside those on this machine. It may be any that speaks OpenAI's API: vLLM, SGLang, llama-server, Ollama, LM Studio, or a service. What you write to such a model is sent there."))
	about.Wrapping, about.Importance = fyne.TextWrapWord, widget.LowImportance

	field := func(placeholder, text string) *entry {
		e := newEntry(placeholder, nil)
		e.SetText(text)
		e.key = d.w.escapeKey
		e.OnSubmitted = func(string) { d.try() }
		return e
	}
	d.url = field("http://localhost:8080/v1", d.server.URL)
	d.name = field(lang.L("As the address has it"), d.server.Name)
	d.key = field(lang.L("None, or the API key that the server asks for"), "")
	d.key.Password = true
	d.forget = look.NewButton(look.Icon{}, lang.L("Forget it"), look.Soft, func() {
		d.forgotten = true
		d.forgetting.Hide()
		d.key.SetPlaceHolder(lang.L("None, or the API key that the server asks for"))
	})
	d.forgetting = container.NewCenter(d.forget)
	d.forgetting.Hide()
	d.model = newKeySelectEntry(d.w.escapeKey)
	d.model.SetPlaceHolder(lang.L("Only where it lists very many, or none"))
	d.model.SetText(d.server.Model)

	form := container.New(layout.NewFormLayout())
	row := func(name string, control fyne.CanvasObject) {
		form.Add(widget.NewLabel(name))
		form.Add(control)
	}
	row(lang.L("Address"), d.url)
	row(lang.L("Key"), container.NewBorder(nil, nil, nil, d.forgetting, d.key))
	row(lang.L("Name"), d.name)
	row(lang.L("Model"), d.model)

	d.ground = canvas.NewRectangle(nil)
	d.ground.CornerRadius = look.Radius
	d.result = widget.NewLabel("")
	d.result.Wrapping, d.result.Selectable = fyne.TextWrapWord, true
	d.outcome = container.NewStack(d.ground, container.New(layout.NewCustomPaddedLayout(2, 2, 8, 8), d.result))
	d.outcome.Hide()
	d.busy = widget.NewProgressBarInfinite()
	d.busy.Hide()

	remove := look.NewButton(look.Icon{}, lang.L("Remove…"), look.Soft, d.remove)
	remove.Hidden = d.server.ID == ""
	d.test = look.NewButton(look.Icon{}, lang.L("Test"), look.Soft, d.try)
	d.save = look.NewButton(look.Icon{}, lang.L("Save"), look.Primary, d.keep)
	for _, b := range []*look.Button{shut, d.forget, remove, d.test, d.save} {
		b.OnKey = func(k *fyne.KeyEvent) { d.w.escapeKey(k) }
	}
	bottom := container.New(layout.NewCustomPaddedLayout(8, 0, 0, 0), container.NewHBox(remove, layout.NewSpacer(), d.test, d.save))
	d.middle = container.NewVBox(about, form, d.busy, d.outcome)
	d.scroll = container.NewVScroll(container.New(layout.NewCustomPaddedLayout(0, 0, 0, 6), d.middle))
	content := container.NewBorder(container.NewBorder(nil, nil, nil, shut, title), bottom, nil, nil, d.scroll)
	d.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 10, 12, 12), content), d.w.win.Canvas())
	size := d.w.win.Canvas().Size()
	d.popup.Resize(fyne.NewSize(min(size.Width-48, 620), min(size.Height-48, 500)))
	if d.server.Keyed {
		d.key.SetPlaceHolder(lang.L("There is one; type another to replace it"))
		d.forgetting.Show()
	}
}

// given is the server as it stands in the dialog, with its key; nil: the one that is kept.
func (d *serverDialog) given() (s remote.Server, key *string) {
	s = d.server
	s.URL, s.Name, s.Model = strings.TrimSpace(d.url.Text), strings.TrimSpace(d.name.Text), strings.TrimSpace(d.model.Text)
	k := strings.TrimSpace(d.key.Text)
	if k == "" && !d.forgotten {
		return s, nil
	}
	return s, &k
}

// mostOffered is how many models can be chosen from; the name of any other one can be typed.
const mostOffered = 40

// offer lists models to choose from.
func (d *serverDialog) offer(models []remote.Model) {
	var names []string
	for _, m := range models[:min(len(models), mostOffered)] {
		names = append(names, m.ID)
	}
	d.model.SetOptions(names)
}

// try asks the server what it offers.
func (d *serverDialog) try() {
	s, key := d.given()
	d.cancel()
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.working(true)
	d.w.spawn(func() {
		cat, err := d.w.b.Servers.Test(ctx, s, key)
		fyne.Do(func() {
			if ctx.Err() != nil {
				return
			}
			d.working(false)
			if err != nil {
				d.fail(err)
				return
			}
			d.offer(cat.Models)
			d.show(catalogText(cat), false)
		})
	})
}

// catalogText says what a server offers.
func catalogText(c remote.Catalog) string {
	kind := map[string]any{"Kind": string(c.Kind)}
	var text string
	switch len(c.Models) {
	case 0:
		text = lang.L("It answers ({{.Kind}}), but lists no models.", kind)
	case 1:
		kind["Model"] = c.Models[0].ID
		text = lang.L("It works ({{.Kind}}). Its model: {{.Model}}", kind)
	default:
		var names []string
		for _, m := range c.Models[:min(len(c.Models), 6)] {
			names = append(names, m.ID)
		}
		if len(c.Models) > len(names) {
			names = append(names, "…")
		}
		kind["Count"], kind["Models"] = countText(len(c.Models)), strings.Join(names, ", ")
		text = lang.L("It works ({{.Kind}}). Its {{.Count}} models: {{.Models}}", kind)
	}
	for _, w := range c.Warnings {
		text += "\n\n" + w
	}
	return text
}

// keep saves the server.
func (d *serverDialog) keep() {
	s, key := d.given()
	d.cancel()
	d.working(true)
	d.w.spawn(func() {
		_, err := d.w.b.Servers.Save(s, key)
		fyne.Do(func() {
			if d.ended(err); err != nil {
				return
			}
			if d.server.ID == "" && d.w.settings == nil {
				d.w.openPicker() // where its models are now
			}
		})
	})
}

// remove forgets the server, after a question.
func (d *serverDialog) remove() {
	text := lang.L("Take {{.Name}} and its key out of Burble? The server itself is not touched.", map[string]any{"Name": d.server.Name})
	q := dialog.NewConfirm(lang.L("Remove the server"), text, func(yes bool) {
		if !yes {
			return
		}
		d.working(true)
		d.w.spawn(func() {
			err := d.w.b.Servers.Remove(d.server.ID)
			fyne.Do(func() { d.ended(err) })
		})
	}, d.w.win)
	q.SetConfirmText(lang.L("Remove"))
	q.SetConfirmImportance(widget.DangerImportance)
	q.Show()
}

// ended closes the dialog when what was done beside the window has worked, or says why it has not.
func (d *serverDialog) ended(err error) {
	switch {
	case d.closed:
		d.w.report(err)
	case err != nil:
		d.working(false)
		d.fail(err)
	default:
		d.close()
	}
}

// working shows that something is asked, and keeps the buttons from being pressed twice.
func (d *serverDialog) working(on bool) {
	d.test.SetEnabled(!on)
	d.save.SetEnabled(!on)
	d.busy.Hidden = !on
	if on {
		d.outcome.Hide()
		d.busy.Start()
	} else {
		d.busy.Stop()
	}
	d.popup.Content.Refresh()
}

func (d *serverDialog) fail(err error) {
	if !errors.Is(err, context.Canceled) {
		d.show(sentence(err.Error()), true)
	}
}

// show shows how a test or an attempt to save has ended.
func (d *serverDialog) show(text string, bad bool) {
	d.ground.FillColor = look.Color(look.ColorSelected)
	if bad {
		d.ground.FillColor = look.Color(look.ColorErrorSoft)
	}
	d.outcome.Show()
	d.middle.Refresh() // the label gets its width, by which it breaks lines
	d.result.SetText(text)
	d.middle.Refresh()
	d.scroll.Refresh()
	d.scroll.ScrollToBottom()
}

func (d *serverDialog) close() {
	d.closed = true
	d.cancel()
	d.busy.Stop()
	d.popup.Hide()
	d.w.server = nil
	switch {
	case d.w.picker != nil:
		d.w.picker.refresh()
		d.w.win.Canvas().Focus(d.w.picker.search)
	case d.w.settings != nil:
		d.w.settings.fill()
	default:
		d.w.focusComposer()
	}
}

// serverRows adds the servers to the settings' page about models.
func (s *settingsDialog) serverRows() {
	s.section(lang.L("Servers"))
	s.paragraph(lang.L("Models can run on other machines, too, with servers that speak OpenAI's API."))
	button := func(text string, do func()) fyne.CanvasObject {
		b := look.NewButton(look.Icon{}, text, look.Soft, do)
		b.OnKey = s.escapeKey
		return container.NewHBox(b)
	}
	for _, r := range s.w.b.Servers.List() {
		s.row(r.Name, r.URL, button(lang.L("Change…"), func() { s.w.openServer(r.ID) }))
	}
	s.row("", "", button(lang.L("Add a server…"), s.w.addServer))
}

// keySelectEntry is Fyne's entry with suggestions; somebody else sees its keys first.
type keySelectEntry struct {
	widget.SelectEntry
	key func(*fyne.KeyEvent) bool
}

func newKeySelectEntry(key func(*fyne.KeyEvent) bool) *keySelectEntry {
	e := &keySelectEntry{key: key}
	e.ExtendBaseWidget(e)
	return e
}

// TypedKey passes keys on that nobody wanted first.
func (e *keySelectEntry) TypedKey(k *fyne.KeyEvent) {
	if !e.key(k) {
		e.SelectEntry.TypedKey(k)
	}
}
