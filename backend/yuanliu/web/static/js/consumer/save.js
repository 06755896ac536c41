// Saves a page as one file that can be checked again: styles, scripts and the picture stand in the file itself.
(function (yuanliu) {
  'use strict';

  const text = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(url);
    return answer.text();
  };

  async function inline(url) {
    const blob = await (await fetch(url)).blob();
    return new Promise((done, failed) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.onerror = failed;
      reader.readAsDataURL(blob);
    });
  }

  // The page as it came from the site, not as it stands here: what was checked now has to be checked again then.
  async function saved() {
    const page = new DOMParser().parseFromString(await text(location.href), 'text/html');
    for (const link of page.querySelectorAll('a[href]:not([href^="#"])')) {
      link.setAttribute('href', new URL(link.getAttribute('href'), location.href).href);
    }
    for (const icon of page.querySelectorAll('link[rel="icon"]')) icon.remove();
    // Styles and scripts are put in as text at the end: this page's own policy allows none in the page.
    const parts = [];
    const put = (element, before, inside, after) => {
      parts.push(`${before}${inside}${after}`);
      element.replaceWith(page.createComment(`part ${parts.length - 1}`));
    };
    for (const link of page.querySelectorAll('link[rel="stylesheet"]')) {
      put(link, '<style>', await text(link.getAttribute('href')), '</style>');
    }
    for (const script of page.querySelectorAll('script[src]')) {
      const address = script.getAttribute('src');
      page.body.append(script); // what is inline does not wait for the page
      put(script, '<script>', (await text(address)).replace(/<\/script/gi, '<\\/script'), '</script>');
    }
    for (const image of page.querySelectorAll('img[src]')) image.setAttribute('src', await inline(image.getAttribute('src')));
    const whole = page.documentElement.outerHTML.replace(/<!--part (\d+)-->/g, (_, i) => parts[i]);
    return `<!doctype html>\n${whole}`;
  }

  async function save(name) {
    const url = URL.createObjectURL(new Blob([await saved()], { type: 'text/html' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  Object.assign(yuanliu, { save });
})(globalThis.yuanliu = globalThis.yuanliu || {});
