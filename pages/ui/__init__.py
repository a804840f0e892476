"""What several pages share: state, forms, drawings, live parts."""
