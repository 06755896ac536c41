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
    for (const link of page.querySelectorAll('link[rel="stylesheet"]')) {
      const style = page.createElement('style');
      style.textContent = await text(link.getAttribute('href'));
      link.replaceWith(style);
    }
    for (const icon of page.querySelectorAll('link[rel="icon"]')) icon.remove();
    for (const script of page.querySelectorAll('script[src]')) {
      const own = page.createElement('script');
      own.textContent = (await text(script.getAttribute('src'))).replace(/<\/script/gi, '<\\/script');
      script.remove();
      page.body.append(own);
    }
    for (const image of page.querySelectorAll('img[src]')) image.setAttribute('src', await inline(image.getAttribute('src')));
    return `<!doctype html>\n${page.documentElement.outerHTML}`;
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
