export default {
  compilerOptions: {
    runes: true,
    // Builds DOM node by node: the page's policy (Trusted Types) refuses innerHTML.
    fragments: 'tree',
  },
};
