import { SignIns } from "./signins.js";

const page = document.getElementById("page");
const documentURL = new URL(page.dataset.document, location.href).href;
const signIns = new SignIns(documentURL);

const ui = SwaggerUIBundle({
	domNode: page,
	url: documentURL,
	deepLinking: true,
	validatorUrl: null, // another host would be sent the document's address
	plugins: [signIns.plugin],
	requestInterceptor: signIns.authorize,
	onComplete() {
		document.title = page.dataset.title || ui.specSelectors.info().get("title") || document.title;
	},
});
