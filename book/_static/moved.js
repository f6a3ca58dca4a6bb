// Chapters were split: an address such as gan_smote.html#the-claims leads to the page that
// has the heading now. Pages keep their own addresses; only headings have moved.
(async () => {
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (!wanted || document.getElementById(wanted)) return;
  const split = {
    "api.html": ["samplers", "tables", "choosing", "classifiers", "evaluation", "quality",
      "data", "runs", "experiments", "training", "figures"].map((name) => `api/${name}.html`),
    "gan_smote.html": ["gan_smote_results.html", "gan_smote_tricks.html"],
    "gan_tutorial.html": ["gan_tutorial_results.html"],
    "deep_smote.html": ["deep_smote_results.html", "image_quality.html", "ratio_and_cost.html"],
    "smate.html": ["smate_results.html", "image_quality.html", "boosting.html"],
    "imbalance.html": ["comparing.html", "glossary.html"],
  };
  for (const page of split[location.pathname.split("/").pop()] ?? []) {
    const text = await (await fetch(page)).text();
    const found = new DOMParser().parseFromString(text, "text/html").getElementById(wanted);
    if (found) return location.replace(`${page}${location.hash}`);
  }
})();
