package browsertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/passbearer/passbearer/internal/browser"
)

const (
	items = "#operations-items-get_items"
	me    = "#operations-users-get_me"
)

// visitor is somebody at the docs page.
type visitor struct{ *browser.Page }

// visit opens the page. The statuses are those that the visit brings about.
func visit(t *testing.T, b *browser.Browser, address string, statuses ...int) visitor {
	t.Helper()
	v := visitor{b.Open(t, address, statuses...)}
	v.WaitText(".title", "Items")
	return v
}

func (v visitor) shows(selector string) bool {
	return browser.Value[bool](v.Page, fmt.Sprintf("!!document.querySelector(%q)", selector))
}

// waitInSight waits until an element can be seen without scrolling.
func (v visitor) waitInSight(selector string) {
	v.Wait(fmt.Sprintf(`(() => {
		const shown = document.querySelector(%q), at = shown.getBoundingClientRect();
		return shown.contains(document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2));
	})()`, selector))
}

func (v visitor) openDialog() {
	v.Click(".scheme-container .authorize")
	v.WaitText(".modal-ux-header", "Available authorizations")
}

func (v visitor) closeDialog() {
	v.Click(".modal-ux .btn-done")
	v.Wait("!document.querySelector('.modal-ux')")
}

func (v visitor) choose(selector, value string) {
	v.Eval(fmt.Sprintf("(() => { const s = document.querySelector(%q); s.value = %q; s.dispatchEvent(new Event('change', { bubbles: true })); })()", selector, value))
}

func (v visitor) enter(name, password string) {
	v.Type("#oauth_username", name)
	v.Type("#oauth_password", password)
	v.Click(".modal-ux .authorize")
}

func (v visitor) signIn() {
	v.openDialog()
	v.enter("johndoe", "secret")
	v.WaitText(".modal-ux h6", "Authorized")
	v.closeDialog()
}

func (v visitor) signOut() {
	v.openDialog()
	v.Click(".modal-ux .authorize") // it says Logout now
	v.Wait("document.querySelector('#oauth_username')")
}

// try opens operations for Try it out.
func (v visitor) try(operations ...string) {
	for _, operation := range operations {
		v.Click(operation + " .opblock-summary-control")
		v.Click(operation + " .try-out__btn")
	}
}

// execute sends what was opened, all at once, and forgets the answers before.
func (v visitor) execute() {
	v.Eval("document.querySelectorAll('.btn-clear').forEach((b) => b.click())")
	v.Wait("!document.querySelector('.live-responses-table')")
	v.Eval("document.querySelectorAll('.execute').forEach((b) => b.click())")
}

// waitStatus waits for the answer to an operation.
func (v visitor) waitStatus(operation string, status int) {
	v.WaitText(operation+" .live-responses-table .response-col_status", fmt.Sprint(status))
}

// advance sets the browser's clock.
func (v visitor) advance(by time.Duration) {
	v.Eval(fmt.Sprintf("(() => { const now = Date.now; Date.now = () => now() + %d; })()", by.Milliseconds()))
}
