startThemes();
startContents();
startPosts();
startCharts();
startThreshold();
