startThemes();
startContents();
startPosts();
// Everything can be read now; figures come after the first paint.
setTimeout(() => {
  startThreshold();
  startCharts();
});
