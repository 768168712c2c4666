"""Tools without a world behind them: recorded, scripted or played by a language model."""
