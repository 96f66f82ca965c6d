document.getElementById("title").textContent = data.title;
document.getElementById("facts").textContent = data.facts.map(([name, value]) => `${name} ${value}`).join(" · ");
if (data.headline) headlineSection(data.headline);
if (data.counts.length) countsSection(data.counts, data.pace || []);
promisesSection(data.promises, data.dialogues !== null);
if (data.quality.length) qualitySection(data.quality);
if (data.dialogues) dialoguesSection(data.dialogues);
document.querySelector(".skip").hidden = data.dialogues === null;
