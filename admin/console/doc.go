// Package console is the operators' web console: pages rendered on the server, embedded in the binary, without a build
// chain. It is a client of the admin API in the same process, so authorisation, validation, audit and concurrency are the
// API's own: no rule is written a second time here, and the console can do nothing that the API cannot.
//
// A page is a GET that asks the API and renders a template; an action is a POST of a form that asks the API once and
// leads back to a page. Everything works without scripts but what is live: console.js listens to the event stream and
// asks for fragments of the page anew; htmx carries searches and dialogs. Nothing is loaded from elsewhere, and the
// content security policy permits neither inline scripts nor inline styles.
//
// State: none. The browser holds its session, its language and its theme in cookies. Texts are English in the templates;
// lang/*.json has the other languages, and a test holds them complete.
package console
