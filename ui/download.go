package ui

import (
	"context"
	"errors"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/dialog"
	"fyne.io/fyne/v2/lang"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"burble/app"
	"burble/app/hub"
	"burble/ui/look"
)

// downloadDialog finds models on Hugging Face, and shows the downloads. It connects when the user asks for something, not
// before.
type downloadDialog struct {
	w      *window
	popup  *widget.PopUp
	entry  *entry
	find   *look.Button
	back   *look.Button
	card   *look.Button // the repository's page
	title  *widget.Label
	about  *widget.Label // a line about what is listed
	advice *widget.Label
	list   *keyList
	hint   *widget.Label
	busy   *widget.ProgressBarInfinite

	failure *fyne.Container
	reason  *widget.Label
	page    *look.Button
	token   *look.Button
	problem *hub.Problem
	again   func() // what failed

	below *fyne.Container // the downloads
	rows  *fyne.Container
	room  *container.Scroll
	shown map[int64]*downloadRow
	order []int64

	items   []hubItem
	found   []hub.Found // of the last search; nil: there was none
	repo    hub.Repository
	ref     hub.Reference
	machine hub.Machine
	beside  int64
	open    bool // a repository is shown

	ctx    context.Context // of what is asked for
	cancel context.CancelFunc
}

// openDownload opens the dialog.
func (w *window) openDownload() {
	if w.download != nil {
		return
	}
	d := &downloadDialog{w: w, shown: map[int64]*downloadRow{}, cancel: func() {}}
	w.download = d
	d.build()
	d.start()
	d.showDownloads()
	d.popup.Show()
	w.win.Canvas().Focus(d.entry)
}

func (d *downloadDialog) build() {
	title := widget.NewLabelWithStyle(lang.L("Get models"), fyne.TextAlignLeading, fyne.TextStyle{Bold: true})
	title.SizeName = theme.SizeNameSubHeadingText
	shut := look.NewIconButton(look.IconClose, d.close)

	d.entry = newEntry(lang.L("Search, or a name or address"), nil)
	d.entry.OnSubmitted = func(string) { d.search() }
	d.entry.key = d.w.escapeKey
	d.find = look.NewButton(look.Icon{}, lang.L("Search"), look.Primary, d.search)

	d.reason = widget.NewLabel("")
	d.reason.Wrapping = fyne.TextWrapWord
	d.page = look.NewButton(look.Icon{}, lang.L("Open its page"), look.Soft, func() { d.w.browse(d.problem.Page) })
	d.token = look.NewButton(look.Icon{}, lang.L("Add a token…"), look.Soft, func() { d.w.askToken(d.again) })
	ground := canvas.NewRectangle(look.Color(look.ColorErrorSoft))
	ground.CornerRadius = look.Radius
	d.failure = container.NewStack(ground, container.New(layout.NewCustomPaddedLayout(4, 6, 10, 10),
		container.NewVBox(d.reason, container.NewHBox(d.page, d.token))))
	d.failure.Hide()

	d.back = look.NewIconButton(look.IconLeft, d.goBack)
	d.card = look.NewButton(look.Icon{}, lang.L("Open its page"), look.Ghost, func() { d.w.browse(d.w.b.Hub.Page(d.repo.Name)) })
	d.card.TextSize, d.card.Height, d.card.Color = 13, 28, look.ColorMuted
	d.title = widget.NewLabel("")
	d.title.TextStyle, d.title.Truncation = fyne.TextStyle{Bold: true}, fyne.TextTruncateEllipsis
	d.about = widget.NewLabel("")
	d.about.SizeName, d.about.Importance, d.about.Wrapping = theme.SizeNameCaptionText, widget.LowImportance, fyne.TextWrapWord
	d.advice = widget.NewLabel("")
	d.advice.Wrapping = fyne.TextWrapWord
	d.busy = widget.NewProgressBarInfinite()
	d.busy.Hide()

	d.list = newKeyList(
		func() int { return len(d.items) },
		func() fyne.CanvasObject { return newHubRow() },
		func(i widget.ListItemID, o fyne.CanvasObject) {
			if i < len(d.items) {
				o.(*hubRow).set(d.items[i])
			}
		},
		d.w.escapeKey,
	)
	d.list.OnSelected = func(i widget.ListItemID) {
		d.list.UnselectAll()
		if i < len(d.items) && d.items[i].do != nil && d.items[i].button == "" {
			d.items[i].do()
		}
	}
	d.hint = widget.NewLabel("")
	d.hint.Wrapping, d.hint.Alignment, d.hint.Importance = fyne.TextWrapWord, fyne.TextAlignCenter, widget.LowImportance

	d.rows = container.New(layout.NewCustomPaddedVBoxLayout(0))
	d.room = container.NewVScroll(d.rows)
	d.below = container.New(layout.NewCustomPaddedVBoxLayout(0), newHairline(), d.room)
	d.below.Hide()

	top := container.NewVBox(
		container.NewBorder(nil, nil, nil, shut, title),
		container.New(layout.NewCustomPaddedLayout(0, 4, 8, 8), container.NewBorder(nil, nil, nil, container.NewCenter(d.find), d.entry)),
		d.failure, d.busy,
		container.New(layout.NewCustomPaddedVBoxLayout(-12), container.NewBorder(nil, nil, d.back, d.card, d.title), d.about, d.advice),
	)
	content := container.NewBorder(top, d.below, nil, nil, container.NewStack(d.list, container.NewCenter(container.New(fixedWidth(420), d.hint))))
	d.popup = widget.NewModalPopUp(container.New(layout.NewCustomPaddedLayout(8, 10, 12, 12), content), d.w.win.Canvas())
	size := d.w.win.Canvas().Size()
	d.popup.Resize(fyne.NewSize(min(size.Width-32, 760), min(size.Height-32, 660)))
}

// ask has f done beside the window, in place of what was asked for before, and then in the window what f returns, if the
// user has not asked for something else meanwhile. again does the same once more.
func (d *downloadDialog) ask(again func(), f func(ctx context.Context) (done func(), err error)) {
	d.cancel()
	ctx, cancel := context.WithCancel(context.Background())
	d.ctx, d.cancel, d.again = ctx, cancel, again
	d.failure.Hide()
	d.busy.Show()
	d.busy.Start()
	d.w.spawn(func() {
		done, err := f(ctx)
		fyne.Do(func() {
			if ctx.Err() != nil {
				return
			}
			d.busy.Stop()
			d.busy.Hide()
			if err != nil {
				d.fail(err)
				return
			}
			done()
		})
	})
}

// fail shows what went wrong.
func (d *downloadDialog) fail(err error) {
	d.problem = &hub.Problem{}
	errors.As(err, &d.problem)
	d.reason.SetText(sentence(err.Error()))
	d.page.Hide()
	d.token.Hide()
	if d.problem.Page != "" {
		d.page.Show()
	}
	if d.problem.Token {
		d.token.Show()
	}
	d.failure.Show()
	d.popup.Content.Refresh()
}

// show lists items under a title.
func (d *downloadDialog) show(title, about, advice string, back bool, items []hubItem) {
	d.title.SetText(title)
	d.about.SetText(about)
	d.advice.SetText(advice)
	for o, on := range map[fyne.CanvasObject]bool{d.about: about != "", d.advice: advice != "", d.back: back, d.card: d.open} {
		if on {
			o.Show()
		} else {
			o.Hide()
		}
	}
	d.hint.SetText("")
	d.items = items
	d.list.Refresh()
	d.popup.Content.Refresh()
}

// start offers models to begin with.
func (d *downloadDialog) start() {
	d.open, d.found = false, nil
	var items []hubItem
	for _, s := range d.w.b.Hub.Suggestions() {
		note := ""
		if s.Origin != "" {
			note = lang.L("GGUF files by {{.Origin}}", map[string]any{"Origin": s.Origin})
		}
		items = append(items, hubItem{title: s.Name, detail: suggestionText(s), note: note, do: func() { d.openRepository(hub.Reference{Repo: s.Repo}) }})
	}
	d.show(lang.L("To begin with"), lang.L("Well-known models of different sizes, from Hugging Face. Burble connects to it when you choose one or search, and not before."), "", false, items)
}

// search looks for what was typed, or opens it where it is a name or an address.
func (d *downloadDialog) search() {
	ref := d.w.b.Hub.Parse(d.entry.Text)
	switch {
	case ref.Repo != "":
		d.openRepository(ref)
	case ref.Search == "":
		d.cancel()
		d.busy.Hide()
		d.failure.Hide()
		d.start()
	default:
		d.ask(d.search, func(ctx context.Context) (func(), error) {
			found, err := d.w.b.Hub.Search(ctx, ref.Search)
			return func() {
				d.found = append([]hub.Found{}, found...)
				d.showFound()
				d.list.ScrollToTop()
			}, err
		})
	}
}

func (d *downloadDialog) showFound() {
	d.open = false
	var items []hubItem
	for _, f := range d.found {
		items = append(items, hubItem{title: f.Repo, detail: foundText(f), do: func() { d.openRepository(hub.Reference{Repo: f.Repo}) }})
	}
	d.show(lang.L("Results"), "", "", true, items)
	if len(items) == 0 {
		d.hint.SetText(lang.L("No repository of GGUF files matches. Fewer words find more."))
	}
}

// goBack leaves a repository for the results, or the results for the start.
func (d *downloadDialog) goBack() {
	d.cancel()
	d.busy.Hide()
	d.failure.Hide()
	if d.open && d.found != nil {
		d.showFound()
		return
	}
	d.start()
}

// openRepository lists the models of a repository. What they take is estimated by their sizes first, and then by the head of
// one of them.
func (d *downloadDialog) openRepository(ref hub.Reference) {
	d.ask(func() { d.openRepository(ref) }, func(ctx context.Context) (func(), error) {
		r, err := d.w.b.Hub.Repository(ctx, ref.Repo, ref.Revision)
		if err != nil {
			return nil, err
		}
		machine := d.w.b.Hub.Machine()
		return func() {
			d.open, d.repo, d.ref, d.machine, d.beside = true, r, ref, machine, 0
			d.showRepository()
			d.list.ScrollToTop()
			d.w.spawn(func() {
				beside, err := d.w.b.Hub.Beside(ctx, r)
				if err != nil {
					return // the estimate by size stays
				}
				fyne.Do(func() {
					if ctx.Err() == nil {
						d.beside = beside
						d.showRepository()
					}
				})
			})
		}, nil
	})
}

func (d *downloadDialog) showRepository() {
	advice := d.machine.Advise(d.repo.Models, d.beside)
	wanted, err := d.repo.Choose(d.ref)
	if err != nil {
		d.fail(err)
	}
	chosen := advice.Index
	if wanted >= 0 {
		chosen = wanted
	}
	there := map[string]hub.Download{}
	for _, o := range d.w.b.Hub.Downloads() {
		if o.Repo == d.repo.Name {
			there[o.Name+" "+o.Quant] = o
		}
	}
	var items []hubItem
	for i, m := range d.repo.Models {
		need := hub.Need(m.Size(), d.beside)
		fit, ink := fitText(app.Fit(d.machine.Fit(need)))
		title := m.Quant
		detail := m.Name
		if title == "" {
			title, detail = m.Name, ""
		}
		item := hubItem{title: title + dot + bytesText(m.Size()), detail: detail, note: fit, ink: ink, chosen: i == chosen,
			button: lang.L("Download"), do: func() { d.add(m) }}
		if m.Err != "" {
			item.detail, item.wrong, item.note, item.button, item.do = sentence(m.Err), true, "", "", nil
		}
		if d.w.b.Hub.Here(d.repo, m) {
			item.ink, item.note, item.button, item.do = theme.ColorNameSuccess, lang.L("Downloaded"), "", nil
		}
		if o, ok := there[m.Name+" "+m.Quant]; ok {
			item.button, item.do = "", nil
			item.ink, item.note = "", lang.L("In the list below")
			if o.State == hub.Done {
				item.ink, item.note = theme.ColorNameSuccess, lang.L("Downloaded")
			}
		}
		items = append(items, item)
	}
	d.show(d.repo.Name, repositoryText(d.repo), adviceText(d.repo, advice), true, items)
}

// add downloads a model.
func (d *downloadDialog) add(m hub.Model) {
	if _, err := d.w.b.Hub.Download(d.repo, m); err != nil {
		d.fail(err)
		return
	}
	d.showDownloads()
}

// showDownloads brings the list of downloads up to date.
func (d *downloadDialog) showDownloads() {
	list := d.w.b.Hub.Downloads()
	changed := len(list) != len(d.order)
	order := make([]int64, len(list))
	for i, o := range list {
		order[i] = o.ID
		changed = changed || d.order[i] != o.ID
		r := d.shown[o.ID]
		if r == nil {
			r = newDownloadRow(downloadActions{
				pause:  func(o hub.Download) { d.w.b.Hub.Pause(o.ID) },
				resume: func(o hub.Download) { d.w.b.Hub.Resume(o.ID) },
				remove: d.remove,
				open:   d.load,
				page:   func(o hub.Download) { d.w.browse(o.Page) },
				token:  func(o hub.Download) { d.w.askToken(func() { d.w.b.Hub.Resume(o.ID) }) },
			})
			d.shown[o.ID] = r
		}
		if r.d.State != o.State {
			changed = true
		}
		r.set(o)
	}
	if !changed {
		d.fitRows()
		return
	}
	d.order = order
	d.rows.RemoveAll()
	alive := map[int64]*downloadRow{}
	for _, id := range order {
		d.rows.Add(d.shown[id].box)
		alive[id] = d.shown[id]
	}
	d.shown = alive
	if d.open {
		d.showRepository() // whose rows say what is on its way
	}
	if len(list) == 0 {
		d.below.Hide()
	} else {
		d.below.Show()
	}
	d.fitRows()
	d.popup.Content.Refresh()
}

// fitRows gives the downloads the height they need, up to a third of the dialog.
func (d *downloadDialog) fitRows() {
	height := min(d.rows.MinSize().Height, d.popup.Size().Height*0.36)
	if d.room.MinSize().Height != height {
		d.room.SetMinSize(fyne.NewSize(0, height))
		d.popup.Content.Refresh()
	}
}

// remove takes a download off the list, after a question where bytes would be lost.
func (d *downloadDialog) remove(o hub.Download) {
	remove := func() {
		d.w.b.Hub.Remove(o.ID)
		d.showDownloads()
	}
	const worth = 50 << 20
	if o.State == hub.Done || o.Done < worth {
		remove()
		return
	}
	dialog.ShowConfirm(lang.L("Cancel the download"), lang.L("What has arrived of {{.Name}}, {{.Size}}, is deleted.", map[string]any{"Name": o.Name, "Size": bytesText(o.Done)}), func(ok bool) {
		if ok {
			remove()
		}
	}, d.w.win)
}

// load opens a model that has been downloaded.
func (d *downloadDialog) load(o hub.Download) {
	d.close()
	d.w.b.Models.Load(o.Path)
}

func (d *downloadDialog) close() {
	d.cancel()
	d.busy.Stop()
	d.popup.Hide()
	d.w.download = nil
	if d.w.picker == nil {
		d.w.focusComposer()
	}
}

// unfurnished reports whether there is no model but the guide, none on its way, and nobody talking: then a model that has been
// downloaded is opened by itself.
func (w *window) unfurnished() bool {
	info, loaded := w.b.Models.Current()
	_, loading := w.b.Models.Loading()
	return !loading && !w.answering() && (!loaded || info.Path == w.b.Models.Guide())
}

// downloadEnded tells of a download that has ended while its list is not in sight.
func (w *window) downloadEnded(o hub.Download) {
	text := lang.L("{{.Name}} has been downloaded.", map[string]any{"Name": o.Name})
	if o.State == hub.Failed {
		text = lang.L("The download of {{.Name}} has failed.", map[string]any{"Name": o.Name}) + " " + firstSentence(sentence(o.Why))
	}
	w.announce(lang.L("Download"), text)
	if o.State == hub.Done && w.unfurnished() {
		if w.download != nil && !slices.ContainsFunc(w.b.Hub.Downloads(), func(o hub.Download) bool { return o.State != hub.Done }) {
			w.download.close()
		}
		w.b.Models.Load(o.Path)
	}
	switch {
	case w.download != nil:
		w.download.showDownloads()
	case o.State == hub.Done:
		w.toast.show(text, lang.L("Open"), func() { w.b.Models.Load(o.Path) })
	default:
		w.toast.show(text, lang.L("Show"), w.openDownload)
	}
}
