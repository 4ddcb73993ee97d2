package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"

	"burble/app"
	"burble/assets"
	"burble/assets/guide"
)

// Run opens the window, with a model's file or "", and returns when it is closed. Where Burble is running already, that one
// gets the file, and Run returns at once.
func Run(file string) (err error) {
	options := app.Options{Model: file, Guide: guide.Install}
	inbox, forwarded, err := app.OpenInbox(options, file)
	if forwarded {
		return nil
	}
	if err != nil { // a second window does no harm
		fmt.Fprintln(os.Stderr, "burble:", err)
	}
	crashes, reports, err := app.CatchCrashes(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, "burble:", err)
	}
	a, err := app.New(context.Background(), options)
	if err != nil {
		return errors.Join(err, closeAll(inbox, crashes))
	}
	defer func() { err = errors.Join(err, a.Close(), closeAll(inbox, crashes)) }()

	icon := fyne.NewStaticResource("burble.png", assets.Icon)
	fyneapp.SetMetadata(fyne.AppMetadata{ID: appID, Name: "Burble", Version: app.Version, Icon: icon}) // the tray's title
	fa := fyneapp.NewWithID(appID)
	fa.SetIcon(icon)
	w := newWindow(fa, Backend{Chats: a.Chats, Models: a.Models, Settings: a.Settings, Hub: a.Hub, Servers: a.Servers, Presets: a.Presets, Subscribe: a.Subscribe, Frame: a})
	w.settle()
	stop, stopServing := w.listen(), w.serve(inbox)
	fa.Lifecycle().SetOnStarted(func() {
		w.started()
		if len(reports) > 0 {
			w.showCrash(reports[0])
		}
	})
	tidy := time.AfterFunc(tidyAfter, debug.FreeOSMemory)
	defer tidy.Stop()
	if err = showAndRun(w.win); err == nil {
		w.stage.leave()
		w.keepFrame()
	}
	err = errors.Join(err, stopServing())
	stop()
	w.endWork()
	return errors.Join(err, w.keepDraft())
}

// showAndRun shows a window until it is closed. The error is app.ErrNoDisplay where the system has no display for it.
func showAndRun(w fyne.Window) (err error) {
	defer func() {
		// Fyne logs that GLFW could not begin, and goes on to GLFW's next function, which panics.
		switch r := recover().(type) {
		case nil:
		case error:
			if !strings.Contains(r.Error(), "GLFW library is not initialized") {
				panic(r)
			}
			err = app.ErrNoDisplay
		default:
			panic(r)
		}
	}()
	w.ShowAndRun()
	return nil
}

// tidyAfter is when what starting took is given back to the system: fonts that were read, models that were looked at.
const tidyAfter = 3 * time.Second

// closeAll closes what was opened before the application.
func closeAll(inbox *app.Inbox, crashes *app.CrashLog) error {
	var err error
	if inbox != nil {
		err = inbox.Close()
	}
	if crashes != nil {
		err = errors.Join(err, crashes.Close())
	}
	return err
}
